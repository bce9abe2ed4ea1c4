import { createRequire } from 'node:module'
import { BLS_KEY_BYTES, BLS_SIGNATURE_BYTES, type BlsBackend } from '../schemes/bls-backend.ts'

/** About a hundred times as quick as JavaScript; undefined where the addon has no build. */
export function createBlstBls(): BlsBackend | undefined {
  const blst = loadBlst()
  if (blst === undefined) return undefined
  const { SecretKey, PublicKey, Signature, aggregatePublicKeys, aggregateSerializedSignatures, fastAggregateVerify } =
    blst
  // A committee's keys are the same arrays for a whole epoch, and decompressing one takes longer than adding it.
  const parsed = new WeakMap<Uint8Array, InstanceType<Blst['PublicKey']>>()
  function keyOf(bytes: Uint8Array): InstanceType<Blst['PublicKey']> {
    const known = parsed.get(bytes)
    if (known !== undefined) return known
    const key = PublicKey.fromBytes(bytes, true)
    parsed.set(bytes, key)
    return key
  }
  return {
    name: 'blst',
    publicKey: (secretKey) => new Uint8Array(SecretKey.fromBytes(secretKey).toPublicKey().toBytes()),
    sign: (message, secretKey) => new Uint8Array(SecretKey.fromBytes(secretKey).sign(message).toBytes()),
    aggregate: (signatures) => new Uint8Array(aggregateSerializedSignatures([...signatures]).toBytes()),
    sumKeys: (keys) => new Uint8Array(aggregatePublicKeys(keys.map(keyOf)).toBytes()),
    verify(keys, message, signature) {
      // Points are compressed or the lengths are wrong: the library takes both forms.
      if (signature.length !== BLS_SIGNATURE_BYTES || keys.length === 0) return false
      if (keys.some((key) => key.length !== BLS_KEY_BYTES)) return false
      try {
        return fastAggregateVerify(message, keys.map(keyOf), Signature.fromBytes(signature, true, true))
      } catch {
        return false
      }
    },
  }
}

type Blst = typeof import('@chainsafe/blst')

function loadBlst(): Blst | undefined {
  try {
    return createRequire(import.meta.url)('@chainsafe/blst') as Blst
  } catch {
    return undefined
  }
}
