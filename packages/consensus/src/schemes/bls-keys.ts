import { ArmError, COIN_TYPE, mnemonicSeed, type Validator } from '@armchain/core'
import { deriveChild, deriveMaster } from 'micro-key-producer/bls.js'
import { platformBls } from '#platform'
import { provePossession } from './noble-bls.ts'

export type BlsKeys = {
  /** A scalar of 32 bytes, most significant first. */
  readonly secretKey: Uint8Array
  /** 48 bytes. */
  readonly publicKey: Uint8Array
}

/** Children of the paths that keep BLS keys apart from those of other curves, by EIP-2334. */
const PURPOSE = 12_381
const SEED_BYTES_MIN = 32

/**
 * The key at a path below a seed, by EIP-2333: at the seed itself where the path is empty, which is `KeyGen` of
 * draft-irtf-cfrg-bls-signature-05. Throws `ARM_KEY` for a seed under 32 bytes, `ARM_ARGUMENT` for an index that is not
 * within [0, 2^32).
 */
export function blsKeysFromSeed(seed: Uint8Array, path: readonly number[] = []): BlsKeys {
  if (seed.length < SEED_BYTES_MIN)
    throw new ArmError('ARM_KEY', `a seed has at least ${SEED_BYTES_MIN} bytes`, { bytes: seed.length })
  const wrong = path.find((index) => !Number.isInteger(index) || index < 0 || index >= 2 ** 32)
  if (wrong !== undefined) throw new ArmError('ARM_ARGUMENT', 'index is outside [0, 2^32)', { index: wrong })
  const secretKey = path.reduce((parent, index) => deriveChild(parent, index), deriveMaster(seed))
  return blsKeysFromSecret(secretKey)
}

/** The key of a secret that was made before. Throws `ARM_KEY` for what is no scalar of 32 bytes below the group's order. */
export function blsKeysFromSecret(secretKey: Uint8Array): BlsKeys {
  try {
    return { secretKey, publicKey: platformBls.publicKey(secretKey) }
  } catch (cause) {
    throw new ArmError(
      'ARM_KEY',
      'a BLS secret key is a number of 32 bytes below the order of the group',
      {},
      { cause },
    )
  }
}

/** The BLS key beside `keyPairFromMnemonic` of an index: path `m/12381/1/index/0`. Throws `ARM_MNEMONIC` as that does. */
export function blsKeysFromMnemonic(mnemonic: string, index = 0, passphrase = ''): BlsKeys {
  return blsKeysFromSeed(mnemonicSeed(mnemonic, passphrase), [PURPOSE, COIN_TYPE, index, 0])
}

/** A validator of a committee with BLS certificates: its ed25519 key names it, its BLS key comes with its proof. */
export function blsValidator(publicKey: Uint8Array, keys: BlsKeys, weight = 1): Validator {
  return { publicKey, weight, blsKey: keys.publicKey, blsProof: provePossession(keys.secretKey) }
}
