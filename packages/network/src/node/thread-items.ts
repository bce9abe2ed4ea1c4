import { ArmError, type ErrorCode, isArmError } from '@armchain/core'
import type {
  ChannelSpec,
  ExchangeSpec,
  NetworkStats,
  PeerContact,
  PeerId,
  PeerState,
  TopicSpec,
  Verdict,
} from '../network.ts'
import { networkError } from '../network-error.ts'
import type { NetworkLog } from './options.ts'

/** What a node has its network's thread do. Bytes travel beside the item. */
export type ToThread =
  | { readonly type: 'join'; readonly topic: TopicSpec }
  | { readonly type: 'leave'; readonly topic: string }
  | { readonly type: 'open'; readonly channel: ChannelSpec }
  | { readonly type: 'send'; readonly channel: string; readonly to: PeerId }
  | { readonly type: 'serve'; readonly exchange: ExchangeSpec }
  | { readonly type: 'answer'; readonly id: number }
  | { readonly type: 'noAnswer'; readonly id: number }
  | { readonly type: 'verdict'; readonly id: number; readonly verdict: Verdict }
  | { readonly type: 'hangUp'; readonly peer: PeerId }
  | { readonly type: 'ban'; readonly peer: PeerId; readonly forMs: number }
  | { readonly type: 'call'; readonly id: number; readonly call: ThreadCall }
  | { readonly type: 'abort'; readonly id: number }

/** What is answered with `result` or `failure`. */
export type ThreadCall =
  | { readonly method: 'publish'; readonly topic: string }
  | { readonly method: 'request'; readonly exchange: ExchangeSpec; readonly to: PeerId }
  | { readonly method: 'dial'; readonly address: string }
  | { readonly method: 'announce' | 'find' | 'stats' | 'close' }

export type FromThread =
  | { readonly type: 'ready'; readonly self: PeerId; readonly addresses: readonly string[] }
  | { readonly type: 'addresses'; readonly addresses: readonly string[] }
  | { readonly type: 'message'; readonly id: number; readonly on: string; readonly from: PeerId }
  | { readonly type: 'query'; readonly id: number; readonly exchange: string; readonly from: PeerId }
  | { readonly type: 'watch'; readonly peer: PeerId; readonly state: PeerState }
  | { readonly type: 'found'; readonly id: number; readonly contact: PeerContact }
  /** So many bytes of what was given to the thread have been taken. */
  | { readonly type: 'taken'; readonly sizeBytes: number }
  | { readonly type: 'result'; readonly id: number; readonly value?: number | string | NetworkStats }
  | { readonly type: 'failure'; readonly id: number; readonly failure: Failure }
  | { readonly type: 'log'; readonly line: Parameters<NetworkLog> }

/** An error as plain data: threads lose its class, and its cause may not be plain. */
export type Failure = {
  readonly code: ErrorCode
  readonly message: string
  readonly data: Readonly<Record<string, unknown>>
}

export function failureOf(error: unknown): Failure {
  if (!isArmError(error)) return { code: 'ARM_INTERNAL', message: String(error), data: {} }
  const { code, message, data, cause } = error
  const why = cause === undefined ? {} : { cause: String(cause) }
  return { code, message: message.slice(code.length + 2), data: { ...data, ...why } }
}

export function errorOf({ code, message, data }: Failure): ArmError {
  return new ArmError(code, message, data)
}

export function crashed(cause: unknown): ArmError {
  return networkError('crashed', 'the thread of the network has ended', {}, cause)
}
