import {
  ArmError,
  activeEd25519,
  type CertificateKind,
  type CommitteeParts,
  invariant,
  type ShardScheme,
  toHex,
} from '@armchain/core'
import { platformBls } from '#platform'
import { type Committee, createCommittee } from './committee.ts'
import { POSSESSIONS_KEPT } from './limits.ts'
import { blsMultisig } from './schemes/bls-multisig.ts'
import { ed25519List } from './schemes/ed25519-list.ts'
import { verifyPossession } from './schemes/noble-bls.ts'
import type { CertificateScheme } from './schemes/scheme.ts'

/** What a chain's scheme says of who certifies a shard. */
export type CommitteeScheme = CommitteeParts & Pick<ShardScheme, 'engine'>

const CERTIFICATE_SCHEMES: Readonly<Record<CertificateKind, CertificateScheme>> = {
  ed25519: ed25519List,
  bls: blsMultisig(),
}

/** The committee that a scheme's entry for a shard stands for, seats in its order; `poa` trusts them not to lie. */
export function schemeCommittee({ engine, certificates, validators }: CommitteeScheme): Committee {
  const seats = validators.map(({ publicKey, weight, blsKey }) => {
    const key = certificates === 'bls' ? blsKey : publicKey
    invariant(key !== undefined, 'a scheme that was not checked: a validator has no BLS key')
    return { key, weight }
  })
  return createCommittee(seats, {
    scheme: CERTIFICATE_SCHEMES[certificates],
    faults: engine === 'poa' ? 'crash' : 'byzantine',
  })
}

/**
 * Checks of a scheme's committees what `checkScheme` cannot: every BLS key is a point of the right group whose holder has
 * proven to know the secret, and a shard that one validator orders has one. Whoever takes part in a chain checks it
 * before anything is signed; light clients rely on that. Throws `ARM_SCHEME`. Takes some 40 ms a BLS key the first time.
 */
export function checkCommittees(shards: readonly ShardScheme[]): void {
  const bad = (why: string, data: Readonly<Record<string, unknown>>) =>
    new ArmError('ARM_SCHEME', `scheme is invalid: ${why}`, data)
  for (const { vShard, engine, validators } of shards) {
    if (engine === 'solo' && validators.length !== 1)
      throw bad('solo is for one validator', { vShard, validators: validators.length })
    for (const { publicKey, blsKey, blsProof } of validators) {
      if (blsKey === undefined && blsProof === undefined) continue
      if (blsKey === undefined || blsProof === undefined || !hasProven(blsKey, blsProof))
        throw bad('a validator has not proven that it holds the secret of its BLS key', {
          vShard,
          validator: toHex(publicKey),
        })
    }
  }
}

/** What signs a validator's votes under the certificates of its shard. Throws `ARM_KEY` where the BLS secret is missing. */
export function voteSigner(
  certificates: CertificateKind,
  { secretKey, blsSecretKey }: { readonly secretKey: Uint8Array; readonly blsSecretKey?: Uint8Array },
): (message: Uint8Array) => Uint8Array {
  if (certificates === 'ed25519') return (message) => activeEd25519().sign(message, secretKey)
  if (blsSecretKey === undefined) throw new ArmError('ARM_KEY', 'the validator of a BLS committee needs a BLS key')
  return (message) => platformBls.sign(message, blsSecretKey)
}

/** Keys with proofs that were found to hold: validators sit on many shards, and a process may hold many nodes. */
const proven = new Set<string>()

function hasProven(key: Uint8Array, proof: Uint8Array): boolean {
  const name = toHex(key) + toHex(proof)
  if (proven.has(name)) return true
  if (!verifyPossession(key, proof)) return false
  if (proven.size >= POSSESSIONS_KEPT) proven.clear()
  proven.add(name)
  return true
}
