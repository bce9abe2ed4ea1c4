import { ArmError, blob, bytes, type Codec, compile, isArmError, struct, text, u8, u32 } from '@armchain/core'
import { readEnvelopeHead } from '../envelope/envelope.ts'
import { ENVELOPE_BYTES_MAX } from '../envelope/limits.ts'
import type { PeerId } from '../network.ts'
import { HOPS_MAX, PEER_ID_BYTES_MAX } from './limits.ts'

/**
 * An envelope on its way over the layers: shard, super node, backbone, super node, shard. What changes from hop to hop
 * is outside of the envelope, which is passed on byte for byte.
 */
export type RoutedMessage = {
  readonly version: number
  /** Links that it may still take. */
  readonly hopsLeft: number
  /** 16 random bytes of its origin: what a router knows it by when it comes again. */
  readonly id: Uint8Array
  /** The vShard that it is for. */
  readonly vShard: number
  /** The one peer in it that it is for; empty for all of its members. */
  readonly peer: PeerId
  readonly envelope: Uint8Array
}

export const ROUTED_VERSION = 1
const ROUTED_ID_BYTES = 16
/** Offset of the value of `hopsLeft`: behind the headers of the struct, of the version and of itself. */
const HOPS_LEFT_AT = 4

const routedCodec: Codec<RoutedMessage> = compile(
  struct(
    ['version', u8],
    ['hopsLeft', u8],
    ['id', bytes(ROUTED_ID_BYTES)],
    ['vShard', u32],
    ['peer', text(PEER_ID_BYTES_MAX)],
    ['envelope', blob(ENVELOPE_BYTES_MAX)],
  ),
)

export function encodeRouted(message: RoutedMessage): Uint8Array {
  if (message.hopsLeft > HOPS_MAX) throw new ArmError('ARM_ARGUMENT', `hopsLeft: at most ${HOPS_MAX}`)
  return routedCodec.encode(message)
}

/** Undefined for what no correct peer passes on. */
export function decodeRouted(encoded: Uint8Array): RoutedMessage | undefined {
  try {
    const message = routedCodec.decode(encoded)
    const { version, hopsLeft, envelope } = message
    if (version !== ROUTED_VERSION || hopsLeft > HOPS_MAX) return undefined
    return readEnvelopeHead(envelope) === undefined ? undefined : message
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

/** The same message with one link less to go: nothing else is encoded anew. */
export function afterHop(encoded: Uint8Array): Uint8Array {
  const next = encoded.slice()
  next[HOPS_LEFT_AT] = (next[HOPS_LEFT_AT] as number) - 1
  return next
}
