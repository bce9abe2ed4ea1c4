import { concatBytes, sha256, signingDomain } from '@armchain/core'
import { ed25519 } from '@noble/curves/ed25519.js'
import { beaconAlpha, type ChainDomain } from '../ecvrf/alpha.ts'
import { ecvrf } from '../ecvrf/ecvrf.ts'

export type VrfKeyPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

const vrf = ecvrf('ECVRF-EDWARDS25519-SHA512-ELL2')

/**
 * A validator's key for verifiable random functions, out of its ed25519 secret: one backup holds both. They are different
 * keys, because ECVRF and EdDSA draw nonces from the same hash of the secret: a signature over just the 32 bytes of a
 * point that an input maps to would share its nonce with the proof, and the two give the secret away.
 */
export function vrfKeyPair(secretKey: Uint8Array, domain: ChainDomain): VrfKeyPair {
  const chain = signingDomain(domain.genesisHash, 'vrf/key', domain.schemaVersion)
  const secret = sha256(concatBytes(chain, secretKey))
  return { secretKey: secret, publicKey: ed25519.getPublicKey(secret) }
}

/** The proof that the leader of a view puts in its block. */
export function proveBeacon(
  secretKey: Uint8Array,
  domain: ChainDomain,
  place: { readonly epoch: number; readonly view: number },
): Uint8Array {
  return vrf.prove(secretKey, beaconAlpha(domain, place))
}
