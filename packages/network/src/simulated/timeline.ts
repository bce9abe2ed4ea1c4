/** Something that happens at a moment. */
export interface Happening {
  happen(): void
}

/**
 * What will happen, by millisecond: within each in the order in which it was said. A list for each moment, and a heap of
 * the moments: there are far fewer of them than happenings, so most cost no search.
 */
export class Timeline {
  readonly #moments: Map<number, Happening[]> = new Map()
  /** Moments that have a list; the earliest first. */
  readonly #heap: number[] = []
  /** Of the earliest moment: how many of its list have happened. */
  #done = 0
  #nowMs = 0

  get nowMs(): number {
    return this.#nowMs
  }

  /** In whole milliseconds; what is past happens now. */
  at(atMs: number, happening: Happening): void {
    const moment = Math.max(this.#nowMs, Math.ceil(atMs))
    const list = this.#moments.get(moment)
    if (list !== undefined) {
      list.push(happening)
      return
    }
    this.#moments.set(moment, [happening])
    push(this.#heap, moment)
  }

  after(ms: number, happen: () => void): void {
    this.at(this.#nowMs + ms, { happen })
  }

  /** The next happening until then, its moment included, and the clock at its time; undefined, and the clock at `untilMs`. */
  next(untilMs: number): Happening | undefined {
    for (;;) {
      const moment = this.#heap[0]
      if (moment === undefined || moment > untilMs) {
        this.#nowMs = Math.max(this.#nowMs, untilMs)
        return undefined
      }
      this.#nowMs = moment
      const happening = this.#moments.get(moment)?.[this.#done++]
      if (happening !== undefined) return happening
      pop(this.#heap)
      this.#moments.delete(moment)
      this.#done = 0
    }
  }
}

function push(heap: number[], value: number): void {
  let at = heap.length
  heap.push(value)
  while (at > 0) {
    const parent = (at - 1) >> 1
    if ((heap[parent] as number) <= value) break
    heap[at] = heap[parent] as number
    at = parent
  }
  heap[at] = value
}

function pop(heap: number[]): void {
  const last = heap.pop() as number
  if (heap.length === 0) return
  let at = 0
  for (;;) {
    let child = 2 * at + 1
    if (child >= heap.length) break
    if (child + 1 < heap.length && (heap[child + 1] as number) < (heap[child] as number)) child++
    if ((heap[child] as number) >= last) break
    heap[at] = heap[child] as number
    at = child
  }
  heap[at] = last
}
