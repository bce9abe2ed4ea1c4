import { invariant } from '@armchain/core'

/** First in, first out, with the bytes of what waits. Taking costs the same however long the queue is. */
export class ByteQueue<Item extends { readonly bytes: Uint8Array }> {
  #items: (Item | undefined)[] = []
  #head = 0
  #bytes = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  /** Of all that waits. */
  get sizeBytes(): number {
    return this.#bytes
  }

  push(item: Item): void {
    this.#items.push(item)
    this.#bytes += item.bytes.length
  }

  /** The oldest, which is in the queue no more. */
  shift(): Item | undefined {
    const item = this.#items[this.#head]
    if (item === undefined) return undefined
    this.#items[this.#head++] = undefined
    this.#bytes -= item.bytes.length
    // Half of it is empty: moving the rest costs less than what was taken since the last time.
    if (this.#head > 32 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }

  /** The newest, which is in the queue no more. */
  pop(): Item | undefined {
    if (this.length === 0) return undefined
    const item = this.#items.pop()
    invariant(item !== undefined, 'a queue has lost an item')
    this.#bytes -= item.bytes.length
    return item
  }
}
