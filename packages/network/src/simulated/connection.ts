import type { PeerId } from '../network.ts'
import { type Frame, frameBytes, payloadBytes } from './frame.ts'
import { HELD_MAX } from './limits.ts'
import { type LinkModel, travelMs } from './link-model.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { Happening, Timeline } from './timeline.ts'

/** A node as a connection sees it. */
export interface End {
  readonly self: PeerId
  readonly region: number
  /** When what it has to send will have left it. */
  uplinkFreeMs: number
  receive(connection: Connection, frame: Frame): void
  /** The connection is no more, at this end. */
  ended(connection: Connection): void
}

/** What all connections of a world share. */
export type Links = {
  readonly timeline: Timeline
  readonly random: SeededRandom
  readonly model: LinkModel
  /** Told of each frame that arrives. */
  readonly trace: (connection: number, to: 0 | 1, frame: Frame) => void
}

/**
 * A reliable connection between two nodes, as over TCP: what is sent arrives once and in order, late if it was lost at
 * first, or not at all if the connection ends before. Each end learns of the end by itself.
 */
export class Connection {
  readonly id: number
  /** The first has dialled. */
  readonly ends: readonly [End, End]
  readonly #links: Links
  readonly #isOpen: [boolean, boolean] = [true, true]
  /** When the last frame on its way to each end arrives. */
  readonly #lastMs: [number, number] = [0, 0]
  /** Payload that has arrived at each end. */
  readonly receivedBytes: [number, number] = [0, 0]
  /** Frames to each end that wait for a cut to be mended; undefined while there is none. */
  #held: [Frame[], Frame[]] | undefined

  constructor(id: number, ends: readonly [End, End], links: Links) {
    this.id = id
    this.ends = ends
    this.#links = links
  }

  side(of: PeerId): 0 | 1 {
    return this.ends[0].self === of ? 0 : 1
  }

  other(than: PeerId): End {
    return this.ends[this.side(than) === 0 ? 1 : 0]
  }

  isOpen(at: 0 | 1): boolean {
    return this.#isOpen[at]
  }

  get isCut(): boolean {
    return this.#held !== undefined
  }

  /** False if it has ended at the sender. */
  send(from: 0 | 1, frame: Frame): boolean {
    if (!this.#isOpen[from]) return false
    const to = from === 0 ? 1 : 0
    const held = this.#held?.[to]
    if (held === undefined) this.#depart(to, frame)
    else if (held.length < HELD_MAX) held.push(frame)
    else this.end(from)
    return true
  }

  /** Ends at one side now; the other learns of it after all that was sent before, unless the connection is cut. */
  end(at: 0 | 1): void {
    if (!this.#isOpen[at]) return
    this.endSilently(at)
    const other = at === 0 ? 1 : 0
    if (this.#isOpen[other] && this.#held === undefined)
      this.#links.timeline.at(this.#arrivalMs(other), { happen: () => this.endSilently(other) })
  }

  /** Ends at one side, and the other is not told: the side gives up, or its host is lost. */
  endSilently(at: 0 | 1): void {
    if (!this.#isOpen[at]) return
    this.#isOpen[at] = false
    this.ends[at].ended(this)
  }

  cut(): void {
    this.#held ??= [[], []]
  }

  /** What was held goes on its way now. */
  mend(): void {
    const held = this.#held
    this.#held = undefined
    held?.forEach((frames, to) => {
      for (const frame of frames) this.#depart(to as 0 | 1, frame)
    })
  }

  /** A frame has come to its end. */
  arrive(to: 0 | 1, frame: Frame): void {
    if (!this.#isOpen[to]) return
    this.#links.trace(this.id, to, frame)
    this.receivedBytes[to] += payloadBytes(frame)
    this.ends[to].receive(this, frame)
  }

  #depart(to: 0 | 1, frame: Frame): void {
    const { timeline, model } = this.#links
    let waitMs = 0
    if (model.uplinkBytesPerMs !== undefined) {
      const sender = this.ends[to === 0 ? 1 : 0]
      sender.uplinkFreeMs = Math.max(timeline.nowMs, sender.uplinkFreeMs) + frameBytes(frame) / model.uplinkBytesPerMs
      waitMs = sender.uplinkFreeMs - timeline.nowMs
    }
    timeline.at(this.#arrivalMs(to, waitMs), new Arrival(this, to, frame))
  }

  /** In order: nothing overtakes what was sent before. */
  #arrivalMs(to: 0 | 1, waitMs = 0): number {
    const { timeline, model, random } = this.#links
    const from = this.ends[to === 0 ? 1 : 0]
    const ms = timeline.nowMs + waitMs + travelMs(model, from.region, this.ends[to].region, random)
    this.#lastMs[to] = Math.max(this.#lastMs[to], Math.ceil(ms))
    return this.#lastMs[to]
  }
}

/** A class and no closure: most of what happens in a world is this. */
class Arrival implements Happening {
  readonly #connection: Connection
  readonly #to: 0 | 1
  readonly #frame: Frame

  constructor(connection: Connection, to: 0 | 1, frame: Frame) {
    this.#connection = connection
    this.#to = to
    this.#frame = frame
  }

  happen(): void {
    this.#connection.arrive(this.#to, this.#frame)
  }
}
