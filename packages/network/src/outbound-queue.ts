import { ByteQueue } from './byte-queue.ts'
import type { QueueSpec } from './queue-spec.ts'

/** Messages to one peer that are not sent yet: bounded, in order, full ones lose by their policy. */
export class OutboundQueue {
  readonly #spec: QueueSpec
  readonly #queue: ByteQueue<{ readonly bytes: Uint8Array }> = new ByteQueue()
  #dropped = 0

  constructor(spec: QueueSpec) {
    this.#spec = spec
  }

  get length(): number {
    return this.#queue.length
  }

  get sizeBytes(): number {
    return this.#queue.sizeBytes
  }

  /** Messages that were lost for want of room. */
  get dropped(): number {
    return this.#dropped
  }

  push(bytes: Uint8Array): void {
    const { messagesMax, bytesMax, drop } = this.#spec
    if (bytes.length > bytesMax || messagesMax === 0) {
      this.#dropped++
      return
    }
    while (this.#queue.length >= messagesMax || this.#queue.sizeBytes + bytes.length > bytesMax) {
      this.#dropped++
      if (drop === 'newest') return
      this.#queue.shift()
    }
    this.#queue.push({ bytes })
  }

  shift(): Uint8Array | undefined {
    return this.#queue.shift()?.bytes
  }
}
