/**
 * What will happen, as one heap ordered by (time, sequence number): the whole order of a simulation. Events of one
 * moment happen in the order in which they were scheduled, so nothing depends on the heap's shape.
 */
export type Scheduled<Kind extends number = number> = {
  readonly atMs: number
  readonly order: number
  readonly kind: Kind
  /** Index of the host that it happens to; -1 for the world itself. */
  readonly host: number
  /** Life of the host that it belongs to; what outlives a crash has -1. */
  readonly life: number
  /** Timer id, sender, or index of a fault, by kind. */
  readonly detail: number
  readonly bytes: Uint8Array | undefined
}

export class Schedule<Kind extends number = number> {
  readonly #heap: Scheduled<Kind>[] = []
  #order = 0

  get size(): number {
    return this.#heap.length
  }

  push(atMs: number, kind: Kind, host: number, life: number, detail: number, bytes?: Uint8Array): void {
    const event: Scheduled<Kind> = { atMs, order: this.#order++, kind, host, life, detail, bytes }
    const heap = this.#heap
    let at = heap.length
    heap.push(event)
    while (at > 0) {
      const parent = (at - 1) >> 1
      const other = heap[parent] as Scheduled<Kind>
      if (!before(event, other)) break
      heap[at] = other
      at = parent
    }
    heap[at] = event
  }

  /** Takes the next event; undefined when nothing is left. */
  pop(): Scheduled<Kind> | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      const right = child + 1
      if (right < heap.length && before(heap[right] as Scheduled<Kind>, heap[child] as Scheduled<Kind>)) child = right
      const other = heap[child] as Scheduled<Kind>
      if (!before(other, last)) break
      heap[at] = other
      at = child
    }
    heap[at] = last
    return first
  }
}

function before(a: Scheduled, b: Scheduled): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order)
}
