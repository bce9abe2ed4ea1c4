import { invariant } from '@armchain/core'
import { networkError } from '../network-error.ts'

const LENGTH_BYTES = 4

/** Messages with their lengths before them (four bytes, most significant first), one behind the other in one piece. */
export function joinFrames(messages: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(messages.reduce((sum, { length }) => sum + LENGTH_BYTES + length, 0))
  const view = new DataView(joined.buffer)
  let at = 0
  for (const message of messages) {
    view.setUint32(at, message.length)
    joined.set(message, at + LENGTH_BYTES)
    at += LENGTH_BYTES + message.length
  }
  return joined
}

/**
 * Cuts what a stream brings into frames. It holds the piece that was fed last and one frame that is not whole yet, of
 * which only as much as has come, so that many small pieces cost no more than few.
 */
export class FrameReader {
  readonly #messageBytesMax: number
  readonly #head: Uint8Array = new Uint8Array(LENGTH_BYTES)
  #headLength = 0
  #body: Uint8Array = EMPTY
  #bodyLength = 0
  #chunk: Uint8Array = EMPTY

  constructor(messageBytesMax: number) {
    this.#messageBytesMax = messageBytesMax
  }

  /** What comes next. All frames of what was fed before must have been taken. */
  feed(chunk: Uint8Array): void {
    invariant(this.#chunk.length === 0, 'frames of the piece before were not taken')
    this.#chunk = chunk
  }

  /** Bytes that were fed and are not part of a frame that was taken. */
  get heldBytes(): number {
    return this.#headLength + this.#bodyLength + this.#chunk.length
  }

  /**
   * The next message, or undefined until more has come. It may share memory with what was fed.
   *
   * @throws ArmError ARM_NETWORK if a frame says that it is larger than it may be.
   */
  take(): Uint8Array | undefined {
    while (this.#headLength < LENGTH_BYTES) {
      const [byte] = this.#advance(1)
      if (byte === undefined) return undefined
      this.#head[this.#headLength++] = byte
    }
    const length = new DataView(this.#head.buffer).getUint32(0)
    if (length > this.#messageBytesMax)
      throw networkError('too-large', 'a frame is larger than its protocol allows', { sizeBytes: length })
    if (this.#bodyLength === 0 && this.#chunk.length >= length) {
      this.#headLength = 0
      return this.#advance(length)
    }
    const part = this.#advance(length - this.#bodyLength)
    this.#grow(this.#bodyLength + part.length, length)
    this.#body.set(part, this.#bodyLength)
    this.#bodyLength += part.length
    if (this.#bodyLength < length) return undefined
    const message = this.#body.subarray(0, length)
    this.#body = EMPTY
    this.#bodyLength = 0
    this.#headLength = 0
    return message
  }

  #advance(count: number): Uint8Array {
    const taken = this.#chunk.subarray(0, count)
    this.#chunk = this.#chunk.length === taken.length ? EMPTY : this.#chunk.subarray(taken.length)
    return taken
  }

  /** Twice the room each time, so that a frame in small pieces is copied twice at most. */
  #grow(needed: number, most: number): void {
    if (this.#body.length >= needed) return
    const larger = new Uint8Array(Math.min(most, Math.max(needed, 2 * this.#body.length)))
    larger.set(this.#body.subarray(0, this.#bodyLength))
    this.#body = larger
  }
}

const EMPTY = new Uint8Array(0)
