import { toHex } from '../bytes.ts'
import { bytes, bytes32, list, option, type Schema, struct, u53 } from '../codec/schema.ts'
import { ArmError } from '../errors.ts'
import { VALIDATOR_WEIGHT_MAX, VALIDATORS_MAX } from '../limits.ts'

/**
 * A seat in the committee of a shard.
 *
 * Rules: the ed25519 key names the validator, holds its account, and signs its votes where certificates are lists of
 * ed25519 signatures. Where they are sums of BLS signatures, the BLS key signs votes, and `blsProof` shows that its
 * holder has the secret: without that, a key made out of those of others could sign in their names.
 */
export type Validator = {
  readonly publicKey: Uint8Array
  /** 1 to 2^32: the sum over a committee stays a safe integer. */
  readonly weight: number
  /** 48 bytes, a compressed point of G1; absent under ed25519 certificates. */
  readonly blsKey?: Uint8Array | undefined
  /** 96 bytes: the key's own signature under the proof-of-possession suite. */
  readonly blsProof?: Uint8Array | undefined
}

/** How the votes of a committee are signed and shown: as a list of ed25519 signatures, or as a sum of BLS signatures. */
export type CertificateKind = (typeof CERTIFICATE_KINDS)[number]
export const CERTIFICATE_KINDS = ['ed25519', 'bls'] as const

export const VALIDATORS_SCHEMA: Schema = list(
  struct(['publicKey', bytes32], ['weight', u53], ['blsKey', option(bytes(48))], ['blsProof', option(bytes(96))]),
  VALIDATORS_MAX,
)

/** Who certifies a shard, and with what: part of the shard's entry in a scheme. */
export type CommitteeParts = {
  readonly certificates: CertificateKind
  readonly validators: readonly Validator[]
}

/** Validators of one weight that sign with their ed25519 keys: `{ vShard, engine, ...ed25519Validators(keys) }`. */
export function ed25519Validators(keys: readonly Uint8Array[]): CommitteeParts {
  return { certificates: 'ed25519', validators: keys.map((publicKey) => ({ publicKey, weight: 1 })) }
}

/**
 * Throws `ARM_SCHEME` for what is no committee, whatever the keys are: no validator, a key twice, a weight out of range,
 * or BLS keys other than the certificates take. That BLS keys are points whose secrets are known is for consensus to check.
 */
export function checkValidators(vShard: number, { certificates, validators }: CommitteeParts): void {
  const bad = (why: string, data: Readonly<Record<string, unknown>> = {}) =>
    new ArmError('ARM_SCHEME', `scheme is invalid: ${why}`, { vShard, ...data })
  if (!CERTIFICATE_KINDS.includes(certificates))
    throw bad(`certificates are neither ${CERTIFICATE_KINDS.join(' nor ')}`, { certificates })
  if (validators.length === 0) throw bad('a shard has no validator')
  const seen = new Set<string>()
  for (const { publicKey, weight, blsKey, blsProof } of validators) {
    const validator = toHex(publicKey)
    if (weight < 1 || weight > VALIDATOR_WEIGHT_MAX)
      throw bad(`the weight of a validator is outside [1, ${VALIDATOR_WEIGHT_MAX}]`, { validator, weight })
    if (certificates === 'bls' && (blsKey === undefined || blsProof === undefined))
      throw bad('a validator has no BLS key with a proof of possession', { validator })
    if (certificates === 'ed25519' && (blsKey !== undefined || blsProof !== undefined))
      throw bad('a validator has a BLS key, and the certificates are ed25519', { validator })
    // A key that stands twice would count twice in a quorum.
    for (const key of [validator, ...(blsKey === undefined ? [] : [toHex(blsKey)])]) {
      if (seen.has(key)) throw bad('a validator is named twice', { key })
      seen.add(key)
    }
  }
}
