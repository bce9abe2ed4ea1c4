import {
  ArmError,
  activeEd25519,
  bytes,
  bytes32,
  type Codec,
  compile,
  concatBytes,
  isArmError,
  list,
  type Outcome,
  option,
  refuse,
  signEncoded,
  signingDomain,
  struct,
  text,
  transactionMessage,
  u8,
  u32,
  u53,
} from '@armchain/core'
import type { PeerId } from '../network.ts'
import { REGION_BYTES_MAX } from '../overlay/limits.ts'
import { ADDRESS_BYTES_MAX, ADDRESSES_MAX, RECORD_BYTES_MAX, RECORD_LIFE_MS_MAX, RECORD_VSHARDS_MAX } from './limits.ts'
import { peerIdOf } from './peer-id.ts'

/**
 * What a node says of itself, signed by its network key: where it is reached, what it serves, until when that holds.
 *
 * Rules:
 * 1. The signature is over `domain || record without its last field`; the domain names the network.
 * 2. Of two records of a node the one with the higher sequence number counts.
 * 3. A validator may vouch for a peer until a moment, by its own key and in a domain of its own: whoever wants many such
 *    peers needs as many deposits. Nothing else in a record is more than its own word.
 * 4. A record expires, at most `RECORD_LIFE_MS_MAX` after it is seen.
 */
export type NodeRecord = {
  readonly version: number
  /** The network key: 32 bytes of ed25519, from which the peer id follows. */
  readonly key: Uint8Array
  readonly sequence: number
  readonly expiryMs: number
  /** Multiaddresses, best first. */
  readonly addresses: readonly string[]
  /** Bits of `ROLE_BITS`. */
  readonly roles: number
  readonly vShards: readonly number[]
  /** Empty if it says nothing. */
  readonly region: string
  /** X25519, for sealed envelopes. */
  readonly sealingKey: Uint8Array | undefined
  readonly voucher: Voucher | undefined
  readonly signature: Uint8Array
}

/** A validator's word that a peer is its own. */
export type Voucher = {
  readonly validator: Uint8Array
  readonly untilMs: number
  readonly signature: Uint8Array
}

export const ROLE_BITS = { light: 1, shard: 2, full: 4, storage: 8, validator: 16, super: 32 } as const
export type Role = keyof typeof ROLE_BITS

/** Signs a message by RFC 8032. */
export type Sign = (message: Uint8Array) => Uint8Array

export const RECORD_VERSION = 1

const voucherSchema = struct(['validator', bytes32], ['untilMs', u53], ['signature', bytes(64)])
const recordCodec: Codec<NodeRecord> = compile(
  struct(
    ['version', u8],
    ['key', bytes32],
    ['sequence', u53],
    ['expiryMs', u53],
    ['addresses', list(text(ADDRESS_BYTES_MAX), ADDRESSES_MAX)],
    ['roles', u8],
    ['vShards', list(u32, RECORD_VSHARDS_MAX)],
    ['region', text(REGION_BYTES_MAX)],
    ['sealingKey', option(bytes32)],
    ['voucher', option(voucherSchema)],
    ['signature', bytes(64)],
  ),
)

/** @throws ArmError ARM_CODEC_VALUE if a field is beyond its limits, ARM_ARGUMENT if all of them together are. */
export function signRecord(
  genesisHash: Uint8Array,
  unsigned: Omit<NodeRecord, 'version' | 'signature'>,
  sign: Sign,
): Uint8Array {
  const encoded = signEncoded(recordCodec, { ...unsigned, version: RECORD_VERSION }, recordDomain(genesisHash), sign)
  if (encoded.length > RECORD_BYTES_MAX)
    throw new ArmError('ARM_ARGUMENT', `record: more than ${RECORD_BYTES_MAX} bytes`, { bytes: encoded.length })
  return encoded
}

export function signVoucher(
  genesisHash: Uint8Array,
  { validator, peerKey, untilMs }: { validator: Uint8Array; peerKey: Uint8Array; untilMs: number },
  sign: Sign,
): Voucher {
  return { validator, untilMs, signature: sign(voucherMessage(genesisHash, peerKey, untilMs)) }
}

/** A record whose signatures are valid and whose times fit; `vouchedBy` is the validator, if the voucher holds too. */
export type CheckedRecord = {
  readonly record: NodeRecord
  readonly peer: PeerId
  readonly vouchedBy: Uint8Array | undefined
  readonly bytes: Uint8Array
}

/** Decodes and verifies. Refusals carry ARM_RECORD; an invalid voucher makes the whole record invalid. */
export function checkRecord(genesisHash: Uint8Array, encoded: Uint8Array, nowMs: number): Outcome<CheckedRecord> {
  const record = decodeRecord(encoded)
  if (record === undefined) return refuse('ARM_RECORD', 'malformed, too large, or of another version')
  const { key, expiryMs, voucher, signature } = record
  if (expiryMs <= nowMs) return refuse('ARM_RECORD', 'expired', { expiryMs })
  if (expiryMs > nowMs + RECORD_LIFE_MS_MAX) return refuse('ARM_RECORD', 'expires too far ahead', { expiryMs })
  const ed25519 = activeEd25519()
  const message = transactionMessage(recordDomain(genesisHash), encoded)
  if (!ed25519.verify({ publicKey: key, message, signature })) return refuse('ARM_RECORD', 'not signed by its key')
  let vouchedBy: Uint8Array | undefined
  if (voucher !== undefined) {
    const { validator, untilMs } = voucher
    const vouched = voucherMessage(genesisHash, key, untilMs)
    if (!ed25519.verify({ publicKey: validator, message: vouched, signature: voucher.signature }))
      return refuse('ARM_RECORD', 'its voucher is not signed by the validator')
    if (untilMs > nowMs) vouchedBy = validator
  }
  return { ok: true, value: { record, peer: peerIdOf(key), vouchedBy, bytes: encoded } }
}

export function hasRole({ roles }: NodeRecord, role: Role): boolean {
  return (roles & ROLE_BITS[role]) !== 0
}

function decodeRecord(encoded: Uint8Array): NodeRecord | undefined {
  if (encoded.length > RECORD_BYTES_MAX) return undefined
  try {
    const record = recordCodec.decode(encoded)
    return record.version === RECORD_VERSION ? record : undefined
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

function recordDomain(genesisHash: Uint8Array): Uint8Array {
  return signingDomain(genesisHash, 'node-record', RECORD_VERSION)
}

function voucherMessage(genesisHash: Uint8Array, peerKey: Uint8Array, untilMs: number): Uint8Array {
  const until = new Uint8Array(8)
  new DataView(until.buffer).setBigUint64(0, BigInt(untilMs))
  return concatBytes(signingDomain(genesisHash, 'peer-voucher', RECORD_VERSION), peerKey, until)
}
