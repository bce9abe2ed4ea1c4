import { fraction, keyed, mix } from './random.ts'
import { isNetworkFault, type LinkProfile, type NetworkFault, type Scenario } from './scenario.ts'

/** Salts of the independent draws that one message takes. */
const LOSS = 0x1057
const DELAY = 0xde1a
const DUPLICATE = 0xd0b1
const REORDER = 0x4e04

/**
 * The network between the seats. The fate of a message is a function of (seed, link, number of the message on that
 * link) and of the faults that hold when it is sent; each kind of fate is a draw of its own, so that taking a fault out
 * changes the messages that it touched and no others.
 */
export class Network {
  readonly #seed: number
  readonly #hosts: number
  readonly #link: LinkProfile
  readonly #faults: readonly NetworkFault[]
  readonly #seatOf: (host: number) => number
  readonly arrivals: [number, number] = [0, 0]
  /** Messages sent so far on each link. */
  readonly #sent: Uint32Array
  #loss = 0
  #duplicate = 0
  #reorder = 0
  #reorderMs = 0
  /** By link: closed, or clogged until then. */
  readonly #cut: Uint8Array
  readonly #clogMs: Float64Array

  constructor(scenario: Scenario, hosts: number, seatOf: (host: number) => number) {
    this.#seed = mix(scenario.seed ^ 0x6e6574)
    this.#hosts = hosts
    this.#link = scenario.link
    this.#faults = scenario.faults.filter(isNetworkFault)
    this.#seatOf = seatOf
    this.#sent = new Uint32Array(hosts * hosts)
    this.#cut = new Uint8Array(hosts * hosts)
    this.#clogMs = new Float64Array(hosts * hosts)
    this.refresh(0)
  }

  /** When the faults change: the world calls `refresh` then. */
  get edges(): readonly number[] {
    return [...new Set(this.#faults.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]))].sort((a, b) => a - b)
  }

  refresh(nowMs: number): void {
    const active = this.#faults.filter(({ fromMs, untilMs }) => fromMs <= nowMs && nowMs < untilMs)
    this.#loss = strongest(active, 'loss')
    this.#duplicate = strongest(active, 'duplicate')
    this.#reorder = strongest(active, 'reorder')
    this.#reorderMs = active.reduce((most, fault) => (fault.type === 'reorder' ? Math.max(most, fault.maxMs) : most), 0)
    for (let from = 0; from < this.#hosts; from++)
      for (let to = 0; to < this.#hosts; to++) {
        const seats = [this.#seatOf(from), this.#seatOf(to)] as const
        this.#cut[from * this.#hosts + to] = active.some((fault) => cuts(fault, ...seats)) ? 1 : 0
        this.#clogMs[from * this.#hosts + to] = active.reduce(
          (until, fault) => (clogs(fault, ...seats) ? Math.max(until, fault.untilMs) : until),
          0,
        )
      }
  }

  /** How often a message that is sent now arrives: not at all, once or twice. When, is in `arrivals` then. */
  route(nowMs: number, from: number, to: number): number {
    const link = from * this.#hosts + to
    const index = this.#sent[link] as number
    this.#sent[link] = index + 1
    if (this.#cut[link] === 1) return 0
    const base = keyed(this.#seed, from, to, index)
    if (this.#loss > 0 && fraction(mix(base ^ LOSS)) < this.#loss) return 0
    this.arrivals[0] = this.#arrival(nowMs, link, base)
    if (this.#duplicate === 0 || fraction(mix(base ^ DUPLICATE)) >= this.#duplicate) return 1
    this.arrivals[1] = this.#arrival(nowMs, link, mix(base + 1))
    return 2
  }

  #arrival(nowMs: number, link: number, base: number): number {
    const { minMs, maxMs } = this.#link
    const draw = mix(base ^ DELAY)
    let delayMs = minMs + Math.floor(fraction(draw) * (maxMs - minMs + 1))
    if (this.#reorder > 0) {
      const late = mix(base ^ REORDER)
      if (fraction(late) < this.#reorder) delayMs += Math.floor(fraction(mix(late)) * this.#reorderMs)
    }
    const clogMs = this.#clogMs[link] as number
    return clogMs > nowMs ? Math.max(nowMs + delayMs, clogMs + (draw & 7)) : nowMs + delayMs
  }
}

function strongest(active: readonly NetworkFault[], type: 'loss' | 'duplicate' | 'reorder'): number {
  return active.reduce((most, fault) => (fault.type === type ? Math.max(most, fault.ratio) : most), 0)
}

function cuts(fault: NetworkFault, from: number, to: number): boolean {
  if (fault.type === 'eclipse')
    return (from === fault.node) !== (to === fault.node) && from !== fault.by && to !== fault.by
  if (fault.type !== 'partition') return false
  const fromInside = fault.side.includes(from)
  const toInside = fault.side.includes(to)
  if (fromInside === toInside) return false
  return fault.cut === 'both' || (fault.cut === 'into' ? toInside : fromInside)
}

function clogs(fault: NetworkFault, from: number, to: number): boolean {
  return fault.type === 'clog' && fault.from === from && fault.to === to
}
