import {
  type Block,
  blob,
  type Codec,
  compile,
  equalBytes,
  headCodec,
  isArmError,
  type Runtime,
  sha256,
  struct,
} from '@armchain/core'
import { DETAILS_BYTES_MAX, PAYLOAD_BODY_BYTES_MAX } from './limits.ts'

/** What consensus carries beside a block's head. */
type Payload = Pick<Block, 'details' | 'body'>

const payloadCodec: Codec<Payload> = compile(
  struct(['details', blob(DETAILS_BYTES_MAX)], ['body', blob(PAYLOAD_BODY_BYTES_MAX)]),
)

export function encodePayload({ details, body }: Payload): Uint8Array {
  return payloadCodec.encode({ details, body })
}

/** Undefined for bytes that are malformed. */
export function readPayload(payload: Uint8Array): Payload | undefined {
  try {
    return payloadCodec.decode(payload)
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

/** True if the payload is the one that the head commits to. */
export function commitsTo(runtime: Runtime, head: Uint8Array, payload: Uint8Array): boolean {
  const parts = readPayload(payload)
  return parts !== undefined && commitsToParts(runtime, { head, ...parts })
}

/** The same for a payload that is decoded already: the head names the details, and these the body. */
export function commitsToParts(
  runtime: Runtime,
  { head, details, body }: Payload & { readonly head: Uint8Array },
): boolean {
  try {
    return (
      equalBytes(sha256(details), headCodec.decode(head).bodyHash) &&
      equalBytes(sha256(body), runtime.details.decode(details).dataRoot)
    )
  } catch (error) {
    if (isArmError(error)) return false
    throw error
  }
}
