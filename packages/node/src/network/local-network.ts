import { invariant } from '@armchain/core'
import { LOCAL_LINK_BYTES_MAX, LOCAL_TURN_MS, MESSAGE_BYTES_MAX } from '../limits.ts'
import type { Transport } from './transport.ts'

/**
 * A network of validators in one process. Links deliver in order, in turns of the event loop that are short, so that
 * whoever floods one cannot keep the process from its other work; what does not fit a link's queue is lost.
 *
 * It can be made as bad as a real one: links cut, slowed or lossy, members that stand still or are cut off. So one
 * process shows how a testnet heals.
 */
export class LocalNetwork {
  readonly #members: Map<number, Member> = new Map()
  readonly #links: Map<string, LinkState> = new Map()
  readonly #random: () => number
  #queued: Delivery[] = []
  #at = 0
  #turn: NodeJS.Immediate | undefined
  #lost = 0
  /** Told of everything that a member sends, whether or not it arrives: for those who watch. */
  onSent: ((from: number, to: number, bytes: Uint8Array) => void) | undefined

  /** `random` decides what lossy links lose: numbers in [0, 1). */
  constructor(random: () => number = Math.random) {
    this.#random = random
  }

  /** Messages that were lost: to members that are away, by cut or lossy links, or for want of room. */
  get lost(): number {
    return this.#lost
  }

  /** A member's transport, with those it has to know of from the start; a number is free again once it has been closed. */
  join(self: number, peers: readonly number[]): Transport {
    invariant(!this.#members.has(self), `validator ${self} is in the network already`)
    const member: Member = { listener: undefined, paused: [], isPaused: false, cutOff: new Map() }
    this.#members.set(self, member)
    const others = (): number[] => [...new Set([...peers, ...this.#members.keys()])].filter((peer) => peer !== self)
    return {
      self,
      get peers() {
        return others()
      },
      send: (to, bytes) => this.#send(self, to, bytes),
      broadcast: (_vShard, _subject, bytes) => {
        for (const peer of others()) this.#send(self, peer, bytes)
      },
      listen: (listener) => {
        member.listener = listener
      },
      watch: () => {},
      cutOff: (peer, forMs) => {
        member.cutOff.set(peer, performance.now() + forMs)
      },
      close: () => {
        if (this.#members.get(self) === member) this.#members.delete(self)
      },
    }
  }

  /** Changes what links do, both ways: between all members of `a` and all of `b`. */
  shape(a: readonly number[], b: readonly number[], state: Partial<LinkShape>): void {
    for (const from of a) {
      for (const to of b) {
        if (from === to) continue
        Object.assign(this.#link(from, to), state)
        Object.assign(this.#link(to, from), state)
      }
    }
  }

  /** Members of different groups do not hear each other any more. */
  partition(groups: readonly (readonly number[])[]): void {
    groups.forEach((group, i) => {
      for (const other of groups.slice(i + 1)) this.shape(group, other, { cut: true })
    })
  }

  /** All links as they were. */
  heal(): void {
    for (const link of this.#links.values()) Object.assign(link, SOUND)
  }

  /** What arrives waits until the member is resumed. */
  pause(number: number): void {
    const member = this.#members.get(number)
    if (member !== undefined) member.isPaused = true
  }

  resume(number: number): void {
    const member = this.#members.get(number)
    if (member === undefined) return
    member.isPaused = false
    this.#queued.push(...member.paused.splice(0))
    this.#deliverSoon()
  }

  #send(from: number, to: number, bytes: Uint8Array): void {
    this.onSent?.(from, to, bytes)
    const link = this.#link(from, to)
    if (link.cut || bytes.length > MESSAGE_BYTES_MAX || link.queuedBytes + bytes.length > LOCAL_LINK_BYTES_MAX) {
      this.#lost++
      return
    }
    if (link.loss > 0 && this.#random() < link.loss) {
      this.#lost++
      return
    }
    link.queuedBytes += bytes.length
    const delivery = { from, to, bytes, link }
    if (link.delayMs > 0) {
      setTimeout(() => this.#enqueue(delivery), link.delayMs).unref()
      return
    }
    this.#enqueue(delivery)
  }

  #enqueue(delivery: Delivery): void {
    this.#queued.push(delivery)
    this.#deliverSoon()
  }

  #deliverSoon(): void {
    this.#turn ??= setImmediate(() => this.#deliver())
  }

  #deliver(): void {
    this.#turn = undefined
    const untilMs = performance.now() + LOCAL_TURN_MS
    while (this.#at < this.#queued.length) {
      this.#deliverOne(this.#queued[this.#at++] as Delivery)
      if (performance.now() >= untilMs) break
    }
    if (this.#at < this.#queued.length) this.#deliverSoon()
    else {
      this.#queued = []
      this.#at = 0
    }
  }

  #deliverOne(delivery: Delivery): void {
    const { from, to, bytes, link } = delivery
    const member = this.#members.get(to)
    if (member?.isPaused) {
      member.paused.push(delivery)
      return
    }
    link.queuedBytes -= bytes.length
    const until = member?.cutOff.get(from)
    if (member?.listener === undefined || link.cut || (until !== undefined && performance.now() < until)) this.#lost++
    else void member.listener(from, bytes)
  }

  #link(from: number, to: number): LinkState {
    const key = `${from}>${to}`
    const known = this.#links.get(key)
    if (known !== undefined) return known
    const made = { ...SOUND, queuedBytes: 0 }
    this.#links.set(key, made)
    return made
  }
}

export type LinkShape = {
  /** Nothing passes. */
  cut: boolean
  /** One-way delay in milliseconds. */
  delayMs: number
  /** Share of messages that is lost. */
  loss: number
}

const SOUND: LinkShape = { cut: false, delayMs: 0, loss: 0 }

type LinkState = LinkShape & { queuedBytes: number }
type Delivery = { readonly from: number; readonly to: number; readonly bytes: Uint8Array; readonly link: LinkState }
type Member = {
  listener: Parameters<Transport['listen']>[0] | undefined
  /** What arrived while it stood still. */
  readonly paused: Delivery[]
  isPaused: boolean
  readonly cutOff: Map<number, number>
}
