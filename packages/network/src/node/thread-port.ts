import type { MessagePort, Worker } from 'node:worker_threads'

/** What crosses between the threads at once: items, and the bytes of those that have some in one buffer, which is given away. */
type Batch<Item> = {
  readonly items: readonly Item[]
  readonly lengths: Int32Array
  readonly bytes: Uint8Array<ArrayBuffer>
}

const NO_BYTES = -1

/**
 * Sends items to the other thread, all of one turn at once: a crossing costs some tens of microseconds however much
 * it carries, so that one for each message would cost more than the message.
 */
export class ThreadPort<Item extends object> {
  readonly #port: MessagePort | Worker
  readonly #later: (flush: () => void) => void
  #items: Item[] = []
  #bytes: (Uint8Array | undefined)[] = []
  #isScheduled = false

  /** `later` calls back when what has come together is to be sent. */
  constructor(port: MessagePort | Worker, later: (flush: () => void) => void) {
    this.#port = port
    this.#later = later
  }

  post(item: Item, bytes?: Uint8Array): void {
    this.#items.push(item)
    this.#bytes.push(bytes)
    if (this.#isScheduled) return
    this.#isScheduled = true
    this.#later(() => this.flush())
  }

  flush(): void {
    this.#isScheduled = false
    if (this.#items.length === 0) return
    const batch = pack(this.#items, this.#bytes)
    this.#items = []
    this.#bytes = []
    this.#port.postMessage(batch, [batch.bytes.buffer, batch.lengths.buffer as ArrayBuffer])
  }
}

/** Calls back with each item of a batch, in order. Bytes of one batch share a buffer. */
export function unpack<Item>(batch: unknown, each: (item: Item, bytes: Uint8Array | undefined) => void): void {
  const { items, lengths, bytes } = batch as Batch<Item>
  let at = 0
  for (const [i, item] of items.entries()) {
    const length = lengths[i] ?? NO_BYTES
    if (length === NO_BYTES) {
      each(item, undefined)
      continue
    }
    each(item, bytes.subarray(at, at + length))
    at += length
  }
}

function pack<Item>(items: readonly Item[], parts: readonly (Uint8Array | undefined)[]): Batch<Item> {
  const lengths = Int32Array.from(parts, (part) => part?.length ?? NO_BYTES)
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + (part?.length ?? 0), 0))
  let at = 0
  for (const part of parts) {
    if (part === undefined) continue
    bytes.set(part, at)
    at += part.length
  }
  return { items, lengths, bytes }
}
