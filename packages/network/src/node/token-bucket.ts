/** So much a second, and twice as much at once. */
export class TokenBucket {
  readonly #perMs: number
  readonly #max: number
  #tokens: number
  #atMs: number

  constructor(perSecond: number, nowMs: number) {
    this.#perMs = perSecond / 1_000
    this.#max = 2 * perSecond
    this.#tokens = this.#max
    this.#atMs = nowMs
  }

  /** False, and nothing is taken, if there is not so much left. */
  take(amount: number, nowMs: number): boolean {
    this.#tokens = Math.min(this.#max, this.#tokens + (nowMs - this.#atMs) * this.#perMs)
    this.#atMs = nowMs
    if (this.#tokens < amount) return false
    this.#tokens -= amount
    return true
  }
}
