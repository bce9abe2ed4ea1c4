/** Runs actions one after the other, in the order in which they came. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<Value>(action: () => Promise<Value>): Promise<Value> {
    const next = this.#last.then(action)
    this.#last = next.catch(() => undefined)
    return next
  }

  /** Resolves when all that has come so far has ended, well or not. */
  async idle(): Promise<void> {
    await this.#last
  }
}
