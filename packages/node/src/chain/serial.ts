/** Runs actions one after the other, in the order in which they came. */
export class Serial {
  #last: Promise<unknown> = Promise.resolve()

  run<Value>(action: () => Promise<Value>): Promise<Value> {
    const next = this.#last.then(action)
    this.#last = next.catch(() => undefined)
    return next
  }
}
