import { invariant } from '@armchain/core'
import type { SimDisk } from './disk.ts'
import { Host } from './host.ts'
import { EVENTS_PER_LINK_SECOND_MAX, LOOK_INTERVAL_MS } from './limits.ts'
import { Network } from './network.ts'
import type { NodeEffect, NodeInput, SimNode } from './node-port.ts'
import type { Oracle, Violation, WorldView } from './oracle.ts'
import { createRandom, mix, mixBytes, type Random } from './random.ts'
import { byzantineSeats, type Fault, isNetworkFault, type Keep, type Scenario } from './scenario.ts'
import { Schedule, type Scheduled } from './schedule.ts'
import type { Tracer } from './trace.ts'
import { twinsHear } from './twins.ts'

/** Boots a node on a host: at the start of the world and after each crash. */
export type Boot = (host: Host) => SimNode

export type WorldOptions = {
  readonly scenario: Scenario
  readonly boot: Boot
  readonly oracles: readonly Oracle[]
  readonly tracer?: Tracer
}

export type RunResult = {
  readonly violation: Violation | undefined
  /** Same scenario, same digest: of every event and of every message's bytes. */
  readonly auditHash: number
  readonly events: number
  readonly simulatedMs: number
  readonly view: WorldView
}

const MESSAGE = 0
const SHELL_MESSAGE = 10
const TIMER = 1
const SYNCED = 2
const FAULT = 3
const RESTART = 4
const ROOM = 5
const OP = 6
const EDGE = 7
const STABLE = 8
const LOOK = 9
type Kind = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10

/**
 * The deterministic world: one heap of events, hosts with clocks and disks, a network between them. It runs the nodes
 * that `boot` makes, carries out their effects, does to them what the scenario says, and stops at the first thing that
 * an oracle objects to.
 */
export class World {
  readonly scenario: Scenario
  readonly hosts: readonly Host[]
  readonly #boot: Boot
  readonly #oracles: readonly Oracle[]
  /** Oracles that want to know what happens all the time. */
  readonly #hearSent: readonly Oracle[]
  readonly #hearReceived: readonly Oracle[]
  readonly #tracer: Tracer | undefined
  readonly #schedule: Schedule<Kind> = new Schedule()
  readonly #network: Network
  readonly #random: Random
  readonly #hostsOfSeat: readonly (readonly Host[])[]
  readonly #twinned: (seat: number) => boolean
  readonly #anyTwins: boolean
  #nowMs = 0
  #audit = 0x811c9dc5
  readonly #digests: WeakMap<Uint8Array, number> = new WeakMap()
  #events = 0
  #eventsAtLook = 0
  readonly #storm: number
  #violation: Violation | undefined

  constructor({ scenario, boot, oracles, tracer }: WorldOptions) {
    this.scenario = scenario
    this.#boot = boot
    this.#oracles = oracles
    this.#hearSent = oracles.filter(({ sent }) => sent !== undefined)
    this.#hearReceived = oracles.filter(({ received }) => received !== undefined)
    this.#tracer = tracer
    this.hosts = createHosts(scenario)
    this.#hostsOfSeat = Array.from({ length: scenario.nodes }, (_, seat) =>
      this.hosts.filter((host) => host.seat === seat),
    )
    const twins = new Set(this.hosts.filter(({ twin }) => twin > 0).map(({ seat }) => seat))
    this.#twinned = (seat) => twins.has(seat)
    this.#anyTwins = twins.size > 0
    this.#storm = 10 * EVENTS_PER_LINK_SECOND_MAX * (this.hosts.length + 1) ** 2
    this.#network = new Network(scenario, this.hosts.length, (host) => this.#host(host).seat)
    this.#random = createRandom(mix(scenario.seed ^ 0x776f726c))
    this.#plan()
  }

  get view(): WorldView {
    return { scenario: this.scenario, nowMs: this.#nowMs, hosts: this.hosts }
  }

  /** Runs to the end, or to the first violation. */
  run(): RunResult {
    for (const host of this.hosts) this.#start(host)
    while (this.#violation === undefined) {
      const event = this.#schedule.pop()
      if (event === undefined || event.atMs > this.scenario.endMs) break
      this.#nowMs = event.atMs
      this.#events++
      this.#happen(event)
      if (this.#events - this.#eventsAtLook > this.#storm)
        this.#object('bounds', `${this.#storm} events in less than ten seconds: messages breed messages`)
    }
    if (this.#violation === undefined) {
      this.#nowMs = this.scenario.endMs
      this.#ask((oracle) => oracle.ended?.(this.view))
    }
    const { endMs } = this.scenario
    const simulatedMs = this.#violation === undefined ? endMs : this.#nowMs
    return {
      violation: this.#violation,
      auditHash: this.#audit >>> 0,
      events: this.#events,
      simulatedMs,
      view: this.view,
    }
  }

  #plan(): void {
    const { faults, ops, gstMs } = this.scenario
    for (const atMs of this.#network.edges) this.#schedule.push(atMs, EDGE, -1, -1, 0)
    faults.forEach((fault, i) => {
      if ('atMs' in fault) this.#schedule.push(fault.atMs, FAULT, -1, -1, i)
    })
    ops.forEach((op, i) => {
      this.#schedule.push(op.atMs, OP, -1, -1, i)
    })
    this.#schedule.push(gstMs, STABLE, -1, -1, 0)
    this.#schedule.push(LOOK_INTERVAL_MS, LOOK, -1, -1, 0)
    for (const fault of faults) {
      if (fault.type !== 'skew') continue
      for (const host of this.#hostsOfSeat[fault.node] ?? []) {
        host.offsetMs = fault.offsetMs
        host.rate = 1 + fault.driftPpm / 1e6
      }
    }
  }

  #happen(event: Scheduled<Kind>): void {
    this.#mix(event.kind, event.host, event.detail)
    switch (event.kind) {
      case MESSAGE:
      case SHELL_MESSAGE:
        return this.#arrive(event)
      case TIMER:
        return this.#ring(event)
      case SYNCED:
        return this.#synced(event)
      case FAULT:
        return this.#fault(this.scenario.faults[event.detail] as Fault)
      case RESTART:
        return this.#restart(this.#host(event.host), event.life)
      case ROOM:
        return this.#makeRoom(this.#host(event.host))
      case OP:
        return this.#operate(event.detail)
      case EDGE:
        return this.#network.refresh(this.#nowMs)
      case STABLE:
        return this.#ask((oracle) => oracle.stabilised?.(this.view))
      case LOOK:
        return this.#look()
    }
  }

  #arrive(event: Scheduled<Kind>): void {
    const host = this.#host(event.host)
    if (host.node === undefined || this.#waits(host, event)) return
    const bytes = event.bytes as Uint8Array
    this.#audit = bytes.length < LARGE_BYTES ? mixBytes(this.#audit, bytes) : mix(this.#audit ^ this.#digest(bytes))
    const lane = event.kind === MESSAGE ? 'engine' : 'shell'
    if (lane === 'engine') {
      this.#tracer?.received(this.#nowMs, host, event.detail, bytes)
      for (const oracle of this.#hearReceived) oracle.received?.(host, event.detail, bytes)
    }
    this.#step(host, { type: 'message', from: event.detail, lane, bytes })
  }

  /** Of a large message that is sent to many, or often, once. */
  #digest(bytes: Uint8Array): number {
    const known = this.#digests.get(bytes)
    if (known !== undefined) return known
    const digest = mixBytes(0, bytes)
    this.#digests.set(bytes, digest)
    return digest
  }

  #ring(event: Scheduled<Kind>): void {
    const host = this.#host(event.host)
    if (host.life !== event.life || host.node === undefined || this.#waits(host, event)) return
    const dueMs = host.timers.get(event.detail)
    if (dueMs === undefined || dueMs > host.localMs(this.#nowMs)) return
    host.timers.delete(event.detail)
    this.#step(host, { type: 'timer', id: event.detail })
  }

  /** A process that stands still finds what came meanwhile when it goes on. */
  #waits(host: Host, event: Scheduled<Kind>): boolean {
    if (host.pausedUntilMs <= this.#nowMs) return false
    this.#schedule.push(host.pausedUntilMs, event.kind, event.host, event.life, event.detail, event.bytes)
    return true
  }

  #operate(index: number): void {
    const op = this.scenario.ops[index]
    if (op === undefined) return
    for (const host of this.#hostsOfSeat[op.node] ?? [])
      if (host.node !== undefined && host.pausedUntilMs <= this.#nowMs) this.#step(host, { type: 'op', op })
  }

  #start(host: Host): void {
    const recovered = host.disk.recover()
    if (recovered.damaged) host.disk.cutDamage()
    this.#tracer?.happened(this.#nowMs, host, recovered.damaged ? 'starts with a damaged log' : 'starts')
    let effects: readonly NodeEffect[]
    try {
      host.node = this.#boot(host)
      effects = host.node.start(host.localMs(this.#nowMs), recovered)
    } catch (error) {
      return this.#crashed(host, error)
    }
    this.#carryOut(host, effects)
  }

  #restart(host: Host, life: number): void {
    if (host.life !== life || host.node !== undefined || this.#violation !== undefined) return
    this.#ask((oracle) => oracle.restarted?.(host, this.#nowMs), host)
    this.#start(host)
  }

  #step(host: Host, input: NodeInput): void {
    let effects: readonly NodeEffect[]
    try {
      effects = host.node?.step(host.localMs(this.#nowMs), input) ?? NO_EFFECTS
    } catch (error) {
      return this.#crashed(host, error)
    }
    this.#carryOut(host, effects)
  }

  /** What a node throws is a bug of the node, whatever the network brought it. */
  #crashed(host: Host, error: unknown): void {
    const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
    this.#object('crash', stack.split('\n').slice(0, 6).join(' | '), host)
  }

  #carryOut(host: Host, effects: readonly NodeEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'timer') this.#setTimer(host, effect.id, effect.atMs)
      else if (effect.type === 'send' || effect.type === 'fact') {
        if (host.held.length > 0 || host.disk.volatile) host.held.push({ after: host.written, effect })
        else this.#emit(host, effect)
      } else {
        if (!write(host.disk, effect)) return this.#crash(host, 'none', undefined, 'has no room on its disk and stops')
        host.written++
      }
      if (this.#violation !== undefined) return
    }
    this.#beginSync(host)
  }

  #beginSync(host: Host): void {
    if (host.syncing !== undefined) return
    if (!host.disk.volatile) return
    host.syncing = { mark: host.disk.mark(), written: host.written }
    const { minMs, maxMs } = this.scenario.sync
    const slow = host.slowUntilMs > this.#nowMs ? host.slowSyncMs : 0
    const costMs = maxMs === 0 ? 0 : this.#random.between(minMs, maxMs)
    this.#schedule.push(this.#nowMs + costMs + slow, SYNCED, host.index, host.life, 0)
  }

  #synced(event: Scheduled<Kind>): void {
    const host = this.#host(event.host)
    const { syncing } = host
    if (host.life !== event.life || syncing === undefined || this.#waits(host, event)) return
    host.syncing = undefined
    host.disk.sync(syncing.mark)
    let released = 0
    for (const { after, effect } of host.held) {
      if (after > syncing.written) break
      released++
      this.#emit(host, effect)
      if (this.#violation !== undefined) return
    }
    host.held.splice(0, released)
    this.#beginSync(host)
  }

  #emit(host: Host, effect: NodeEffect & { readonly type: 'send' | 'fact' }): void {
    if (effect.type === 'fact') {
      const { fact } = effect
      if (fact.type === 'finalized')
        host.heights.set(fact.chain, Math.max(fact.height, host.heights.get(fact.chain) ?? 0))
      this.#tracer?.told(this.#nowMs, host, fact)
      return this.#ask((oracle) => oracle.told?.(host, fact, this.#nowMs), host)
    }
    const { to, lane, bytes } = effect
    if (lane === 'engine') {
      this.#tracer?.sent(this.#nowMs, host, to, bytes)
      for (const oracle of this.#hearSent) {
        const message = oracle.sent?.(host, to, bytes, this.#nowMs)
        if (message !== undefined) this.#object(oracle.name, message, host)
      }
    }
    const kind = lane === 'engine' ? MESSAGE : SHELL_MESSAGE
    if (to === 'all') for (const other of this.hosts) this.#transmit(host, other, kind, bytes)
    else for (const other of this.#hostsOfSeat[to] ?? []) this.#transmit(host, other, kind, bytes)
  }

  #transmit(from: Host, to: Host, kind: Kind, bytes: Uint8Array): void {
    if (from === to) return
    if (this.#anyTwins) {
      const { seed, deltaMs } = this.scenario
      if (!twinsHear(seed, this.#nowMs, deltaMs, from, to, this.#twinned)) return
    }
    const { arrivals } = this.#network
    const count = this.#network.route(this.#nowMs, from.index, to.index)
    for (let i = 0; i < count; i++) this.#schedule.push(arrivals[i] as number, kind, to.index, -1, from.seat, bytes)
  }

  #setTimer(host: Host, id: number, atMs: number): void {
    host.timers.set(id, atMs)
    const worldMs = Math.max(this.#nowMs, host.worldMs(atMs))
    this.#schedule.push(worldMs, TIMER, host.index, host.life, id)
  }

  #fault(fault: Fault): void {
    if (isNetworkFault(fault) || fault.type === 'skew') return
    if (fault.type === 'blackout') {
      for (const host of this.hosts) this.#crash(host, fault.keep, fault.downMs, 'loses power')
      return
    }
    for (const host of this.#hostsOfSeat[fault.node] ?? []) this.#hostFault(host, fault)
  }

  #hostFault(host: Host, fault: Exclude<Fault, { type: 'blackout' | 'skew' }>): void {
    switch (fault.type) {
      case 'crash':
        return this.#crash(host, fault.keep, fault.downMs, `crashes, keeping ${fault.keep} of what is not synced`)
      case 'pause':
        host.pausedUntilMs = Math.max(host.pausedUntilMs, this.#nowMs + fault.forMs)
        return this.#tracer?.happened(this.#nowMs, host, `stands still for ${fault.forMs} ms`)
      case 'slow-disk':
        host.slowUntilMs = this.#nowMs + fault.forMs
        host.slowSyncMs = fault.syncMs
        return
      case 'disk-full':
        host.disk.full = true
        this.#schedule.push(this.#nowMs + fault.forMs, ROOM, host.index, -1, 0)
        return this.#tracer?.happened(this.#nowMs, host, 'has a full disk')
      case 'lost-sync':
        host.disk.lie()
        return this.#tracer?.happened(this.#nowMs, host, 'has a disk that lies about syncs')
      case 'rot':
        host.disk.rot(fault.part, fault.pick)
        return this.#tracer?.happened(this.#nowMs, host, `loses a ${fault.part} record to decay`)
      case 'misdirect':
        host.disk.misdirect(fault.pick)
        return this.#tracer?.happened(this.#nowMs, host, 'will write a record in the wrong place')
      default:
        return
    }
  }

  /** `downMs` undefined: down until there is room on its disk. */
  #crash(host: Host, keep: Keep, downMs: number | undefined, why: string): void {
    if (host.node === undefined) return
    host.disk.crash(keep, this.#random)
    host.stop()
    this.#tracer?.happened(this.#nowMs, host, why)
    if (downMs !== undefined) this.#schedule.push(this.#nowMs + downMs, RESTART, host.index, host.life, 0)
  }

  #makeRoom(host: Host): void {
    host.disk.full = false
    this.#tracer?.happened(this.#nowMs, host, 'has room on its disk again')
    this.#restart(host, host.life)
  }

  #look(): void {
    this.#schedule.push(this.#nowMs + LOOK_INTERVAL_MS, LOOK, -1, -1, 0)
    if ((this.#nowMs / LOOK_INTERVAL_MS) % 10 === 0) this.#eventsAtLook = this.#events
    this.#ask((oracle) => oracle.looked?.(this.view))
  }

  #ask(question: (oracle: Oracle) => string | undefined, host?: Host): void {
    for (const oracle of this.#oracles) {
      const message = question(oracle)
      if (message !== undefined) this.#object(oracle.name, message, host)
    }
  }

  #object(oracle: string, message: string, host?: Host): void {
    if (this.#violation !== undefined) return
    const { seed } = this.scenario
    this.#violation = { oracle, message, atMs: this.#nowMs, seed, ...(host && { host: host.name }) }
    this.#tracer?.violated(this.#nowMs, this.#violation)
  }

  #mix(kind: number, host: number, detail: number): void {
    this.#audit = mix(this.#audit ^ Math.imul(this.#nowMs | 0, 0x9e3779b1) ^ (kind << 24) ^ (host << 16) ^ detail)
  }

  #host(index: number): Host {
    const host = this.hosts[index]
    invariant(host !== undefined, `no host ${index}`)
    return host
  }
}

/** Messages from here on are hashed once, not at each arrival. */
const LARGE_BYTES = 65_536
const NO_EFFECTS: readonly NodeEffect[] = []

function write(disk: SimDisk, effect: Write): boolean {
  switch (effect.type) {
    case 'append':
      return disk.append(effect.record)
    case 'checkpoint':
      return disk.checkpoint(effect.records)
    case 'block':
      return disk.keepBlock(effect.record)
    case 'guard':
      return disk.writeGuard(effect.bytes)
  }
}

type Write = Exclude<NodeEffect, { type: 'send' | 'fact' | 'timer' }>

function createHosts(scenario: Scenario): readonly Host[] {
  const seats = Array.from({ length: scenario.nodes }, (_, seat) => [seat, 0] as const)
  const twins = scenario.faults.flatMap((fault) => (fault.type === 'twins' ? [[fault.node, 1] as const] : []))
  return [...seats, ...twins].map(([seat, twin], index) => new Host(index, seat, twin))
}

/** Hosts whose words and state count: not those of Byzantine seats. */
export function honestHosts({ scenario, hosts }: WorldView): readonly Host[] {
  const byzantine = byzantineSeats(scenario)
  return hosts.filter(({ seat }) => !byzantine.has(seat))
}
