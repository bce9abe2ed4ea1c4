import { type BlsKeys, blsKeysFromMnemonic, blsValidator, voteSigner } from '@armchain/consensus'
import {
  type CertificateKind,
  type CommitteeParts,
  ed25519Validators,
  equalBytes,
  invariant,
  type KeyPair,
} from '@armchain/core'
import type { NodeOptions } from '@armchain/node'

/** The ed25519 key of a validator, which names it, and the BLS key that it votes with where certificates are BLS. */
export type ValidatorKeys = KeyPair & { readonly bls: BlsKeys | undefined }

/** With a BLS key of the same index where the certificates take one. */
export function withVotingKey(
  key: KeyPair,
  { certificates, mnemonic, index }: { certificates: CertificateKind; mnemonic: string; index: number },
): ValidatorKeys {
  return { ...key, bls: certificates === 'bls' ? blsKeysFromMnemonic(mnemonic, index) : undefined }
}

/** A committee in which all have the same weight. */
export function committeeOf(certificates: CertificateKind, keys: readonly ValidatorKeys[]): CommitteeParts {
  if (certificates === 'ed25519') return ed25519Validators(keys.map(({ publicKey }) => publicKey))
  const validators = keys.map(({ publicKey, bls }) => {
    invariant(bls !== undefined, 'a validator of a BLS committee has a BLS key')
    return blsValidator(publicKey, bls)
  })
  return { certificates, validators }
}

/** Signs for the seat that a validator holds in a shard, if it holds one. */
export function signerOf({ publicKey, secretKey, account, bls }: ValidatorKeys): NodeOptions['signer'] {
  return ({ certificates, validators }) => {
    const index = validators.findIndex((validator) => equalBytes(validator.publicKey, publicKey))
    if (index < 0) return undefined
    const sign = voteSigner(certificates, { secretKey, ...(bls && { blsSecretKey: bls.secretKey }) })
    return { index, account, sign }
  }
}
