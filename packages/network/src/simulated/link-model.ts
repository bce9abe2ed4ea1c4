import { LOSSES_MAX, RETRANSMIT_MS } from './limits.ts'
import type { SeededRandom } from './seeded-random.ts'

/** How long what is sent between two regions takes, and what goes wrong on the way. */
export type LinkModel = {
  /** By region of the sender and of the receiver: one way, in milliseconds. */
  readonly delayMs: readonly (readonly number[])[]
  /** Up to so much comes on top, drawn for each message. */
  readonly jitterMs: number
  /** Share of the messages that are lost at first: 0 to 1, 1 excluded. They arrive late, as over TCP; see below. */
  readonly loss: number
  /** What a node can send in a millisecond, to all peers together; undefined for no limit. */
  readonly uplinkBytesPerMs: number | undefined
}

/** One region, a millisecond away. */
export const LOCAL_LINKS: LinkModel = { delayMs: [[1]], jitterMs: 1, loss: 0, uplinkBytesPerMs: undefined }

/**
 * How long one message is on its way. What is lost is sent again after two round trips, or `RETRANSMIT_MS` if that is
 * more, and each further time after twice as long: nothing is ever lost on a connection that holds. That what was sent
 * later waits for it, is up to the connection.
 */
export function travelMs(model: LinkModel, from: number, to: number, random: SeededRandom): number {
  const oneWayMs = model.delayMs[from]?.[to] ?? 0
  let ms = oneWayMs + (model.jitterMs > 0 ? random.below(model.jitterMs + 1) : 0)
  if (model.loss === 0) return ms
  let waitMs = Math.max(RETRANSMIT_MS, 4 * oneWayMs)
  for (let losses = 0; losses < LOSSES_MAX && random.chance(model.loss); losses++) {
    ms += waitMs
    waitMs *= 2
  }
  return ms
}
