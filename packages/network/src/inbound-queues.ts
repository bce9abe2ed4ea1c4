import { invariant } from '@armchain/core'
import { ByteQueue } from './byte-queue.ts'
import { LANE_SHARE, PASSED_OVER_MAX, RESERVED_SHARE } from './limits.ts'
import type { Inbound, PeerId } from './network.ts'
import { type QueueSpec, URGENCIES, type Urgency } from './queue-spec.ts'

export type InboundQueuesOptions<Message extends Inbound> = {
  /** Messages that are taken and not settled yet, at most. */
  readonly inFlightMax: number
  /** Told of each message that is lost: for want of room, or because its queue was closed or its peer forgotten. */
  readonly onDrop?: (message: Message) => void
  /** A peer that was `full` may be read from again. */
  readonly onRoom?: (on: string, from: PeerId) => void
}

/** `full`: the peer has its share of the queue, and whoever can should not read from it until `onRoom`. */
export type Offered = 'room' | 'full'

export type QueueStats = { readonly waiting: number; readonly waitingBytes: number; readonly dropped: number }

/**
 * What has come from the network and waits for the node: one bounded queue for each topic and channel, in classes of
 * urgency. Every adapter of `Network` has one of these between its sockets and its listener.
 *
 * Rules:
 * - The listener pulls: `take` gives the next message while fewer than `inFlightMax` are in flight, and `settle` ends one.
 * - The most urgent class goes first. A class that was passed over `PASSED_OVER_MAX` times goes before it. Less urgent
 *   classes may not take the last places in flight, so that a vote never waits for slow work on transactions.
 * - Within a class, the queues take turns; within a queue, the peers do; what one peer sent in one queue stays in order.
 * - A full queue loses a message of the peer that holds the most of it: its oldest or its newest, by the policy. So a
 *   peer that floods loses its own messages, not those of others.
 *
 * There is no clock here: waiting is counted in turns.
 */
export class InboundQueues<Message extends Inbound = Inbound> {
  readonly #options: InboundQueuesOptions<Message>
  readonly #queues: Map<string, Queue<Message>> = new Map()
  readonly #classes: readonly UrgencyClass<Message>[]
  #inFlight = 0

  constructor(options: InboundQueuesOptions<Message>) {
    invariant(options.inFlightMax >= 1, 'nothing could ever be taken')
    this.#options = options
    this.#classes = URGENCIES.map((urgency, rank) => ({
      urgency,
      // Rounded up, so that each class has a place even if there is only one.
      inFlightMax: Math.ceil(options.inFlightMax * (1 - rank * RESERVED_SHARE)),
      ready: [],
      passedOver: 0,
    }))
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** A queue for what comes on a topic or channel; there must be none under the name. */
  open(name: string, spec: QueueSpec): void {
    invariant(!this.#queues.has(name), `there is a queue for ${name} already`)
    this.#queues.set(name, {
      spec,
      lanes: new Map(),
      turns: [],
      waiting: 0,
      waitingBytes: 0,
      dropped: 0,
      isReady: false,
    })
  }

  /** What waits on it is lost, which is nobody's fault: `onDrop` is told. */
  close(name: string): void {
    const queue = this.#queues.get(name)
    if (queue === undefined) return
    this.#queues.delete(name)
    for (const from of [...queue.lanes.keys()]) this.#empty(queue, from)
  }

  /** Puts a message into the queue that it names in `on`; one for a queue that is not open is dropped. */
  offer(message: Message): Offered {
    const queue = this.#queues.get(message.on)
    if (queue === undefined || message.bytes.length > queue.spec.bytesMax || queue.spec.messagesMax < 1) {
      if (queue !== undefined) queue.dropped++
      this.#options.onDrop?.(message)
      return 'room'
    }
    const lane = laneOf(queue, message.from)
    lane.queue.push(message)
    queue.waiting++
    queue.waitingBytes += message.bytes.length
    if (!queue.isReady) {
      queue.isReady = true
      this.#classOf(queue.spec.urgency).ready.push(queue)
    }
    this.#shed(queue, message.from)
    if (lane.queue.length > 0 && fillOf(lane, queue.spec) >= LANE_SHARE) lane.isFull = true
    return lane.isFull ? 'full' : 'room'
  }

  /** The next message for the listener, which is in flight until `settle`; undefined if there is none or no place. */
  take(): Message | undefined {
    const turn = this.#nextClass()
    if (turn === undefined) return undefined
    for (const other of this.#classes) {
      other.passedOver = other === turn || other.ready.length === 0 ? 0 : other.passedOver + 1
    }
    const queue = turn.ready.shift()
    invariant(queue !== undefined, 'a class without queues has no turn')
    const message = this.#takeFrom(queue)
    queue.isReady = queue.waiting > 0
    if (queue.isReady) turn.ready.push(queue)
    this.#inFlight++
    return message
  }

  /** The listener is done with a message that it took. */
  settle(): void {
    invariant(this.#inFlight > 0, 'settled more often than taken')
    this.#inFlight--
  }

  /** Messages of a peer that wait are lost, in all queues: it is banned. */
  forget(from: PeerId): void {
    for (const queue of this.#queues.values()) this.#empty(queue, from)
  }

  /** Of one queue; all 0 if it is not open. */
  stats(name: string): QueueStats {
    const { waiting = 0, waitingBytes = 0, dropped = 0 } = this.#queues.get(name) ?? {}
    return { waiting, waitingBytes, dropped }
  }

  #classOf(urgency: Urgency): UrgencyClass<Message> {
    const found = this.#classes.find((each) => each.urgency === urgency)
    invariant(found !== undefined, `there is no urgency ${urgency}`)
    return found
  }

  #nextClass(): UrgencyClass<Message> | undefined {
    let next: UrgencyClass<Message> | undefined
    for (const each of this.#classes) {
      if (each.ready.length === 0 || this.#inFlight >= each.inFlightMax) continue
      if (next === undefined) next = each
      else if (each.passedOver >= PASSED_OVER_MAX && each.passedOver > next.passedOver) next = each
    }
    return next
  }

  #takeFrom(queue: Queue<Message>): Message {
    const from = queue.turns.shift()
    const lane = from === undefined ? undefined : queue.lanes.get(from)
    const message = lane?.queue.shift()
    invariant(from !== undefined && lane !== undefined && message !== undefined, 'a queue has a turn for nobody')
    this.#account(queue, lane, message)
    if (lane.queue.length > 0) queue.turns.push(from)
    else queue.lanes.delete(from)
    return message
  }

  /** Loses messages until the queue is within its bounds: of who has the most, and of `from` where others have no more. */
  #shed(queue: Queue<Message>, from: PeerId): void {
    const { messagesMax, bytesMax, drop } = queue.spec
    while (queue.waiting > messagesMax || queue.waitingBytes > bytesMax) this.#drop(queue, largest(queue, from), drop)
  }

  #empty(queue: Queue<Message>, from: PeerId): void {
    while (queue.lanes.has(from)) this.#drop(queue, from, 'oldest')
    const { ready } = this.#classOf(queue.spec.urgency)
    if (!queue.isReady || queue.waiting > 0) return
    ready.splice(ready.indexOf(queue), 1)
    queue.isReady = false
  }

  #drop(queue: Queue<Message>, from: PeerId, which: 'oldest' | 'newest'): void {
    const lane = queue.lanes.get(from)
    const lost = which === 'oldest' ? lane?.queue.shift() : lane?.queue.pop()
    invariant(lane !== undefined && lost !== undefined, 'nothing to drop')
    queue.dropped++
    if (lane.queue.length === 0) {
      queue.lanes.delete(from)
      queue.turns.splice(queue.turns.indexOf(from), 1)
    }
    this.#account(queue, lane, lost)
    this.#options.onDrop?.(lost)
  }

  /** A message has left a queue. */
  #account(queue: Queue<Message>, lane: Lane<Message>, { on, from, bytes }: Message): void {
    queue.waiting--
    queue.waitingBytes -= bytes.length
    if (!lane.isFull || fillOf(lane, queue.spec) > LANE_SHARE / 2) return
    lane.isFull = false
    this.#options.onRoom?.(on, from)
  }
}

type UrgencyClass<Message extends Inbound> = {
  readonly urgency: Urgency
  readonly inFlightMax: number
  /** Queues with something in them, in the order of their turns. */
  readonly ready: Queue<Message>[]
  passedOver: number
}

type Queue<Message extends Inbound> = {
  readonly spec: QueueSpec
  /** By peer; none is empty. */
  readonly lanes: Map<PeerId, Lane<Message>>
  /** The peers of the lanes, in the order of their turns. */
  readonly turns: PeerId[]
  waiting: number
  waitingBytes: number
  dropped: number
  isReady: boolean
}

type Lane<Message extends Inbound> = { readonly queue: ByteQueue<Message>; isFull: boolean }

function laneOf<Message extends Inbound>(queue: Queue<Message>, from: PeerId): Lane<Message> {
  const known = queue.lanes.get(from)
  if (known !== undefined) return known
  const lane = { queue: new ByteQueue<Message>(), isFull: false }
  queue.lanes.set(from, lane)
  queue.turns.push(from)
  return lane
}

/** How much of a queue a lane holds, of messages or of bytes, whichever is more: 0 to 1. */
function fillOf<Message extends Inbound>({ queue }: Lane<Message>, { messagesMax, bytesMax }: QueueSpec): number {
  return Math.max(queue.length / messagesMax, queue.sizeBytes / bytesMax)
}

/** Who holds the most of a queue; `preferred` if it is one of those. */
function largest<Message extends Inbound>(queue: Queue<Message>, preferred: PeerId): PeerId {
  let found = preferred
  let most = queue.lanes.has(preferred) ? fillOf(laneOf(queue, preferred), queue.spec) : 0
  for (const [from, lane] of queue.lanes) {
    const fill = fillOf(lane, queue.spec)
    if (fill > most) {
      found = from
      most = fill
    }
  }
  return found
}
