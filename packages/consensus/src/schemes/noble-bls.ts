import { utf8 } from '@armchain/core'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import { BLS_KEY_BYTES, BLS_SIGNATURE_BYTES, type BlsBackend } from './bls-backend.ts'

const bls = bls12_381.longSignatures
const SIGNATURE_DOMAIN = 'BLS_SIG_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'
const POSSESSION_DOMAIN = 'BLS_POP_BLS12381G2_XMD:SHA-256_SSWU_RO_POP_'

type Key = ReturnType<typeof bls.getPublicKey>
type Signature = ReturnType<typeof bls.sign>

/** The reference, and what browsers use: tens of milliseconds to sign, a hundred or two to verify. */
export const nobleBls: BlsBackend = {
  name: 'noble',
  publicKey: (secretKey) => bls.getPublicKey(secretKey).toBytes(),
  sign: (message, secretKey) => bls.sign(hashTo(message, SIGNATURE_DOMAIN), secretKey).toBytes(),
  aggregate: (signatures) => bls.aggregateSignatures(signatures.map((each) => bls.Signature.fromBytes(each))).toBytes(),
  sumKeys: (keys) => bls.aggregatePublicKeys(keys.map((key) => parseKey(key) as Key)).toBytes(),
  verify: (keys, message, signature) => verify(keys, hashTo(message, SIGNATURE_DOMAIN), signature),
}

/** Shows that who registers a key holds its secret: without that, a key made from others' could sign for them. */
export function provePossession(secretKey: Uint8Array): Uint8Array {
  const key = bls.getPublicKey(secretKey).toBytes()
  return bls.sign(hashTo(key, POSSESSION_DOMAIN), secretKey).toBytes()
}

/** False for a key that may not be registered, too: malformed, the identity, or out of the subgroup. */
export function verifyPossession(key: Uint8Array, proof: Uint8Array): boolean {
  return verify([key], hashTo(key, POSSESSION_DOMAIN), proof)
}

function hashTo(message: Uint8Array, domain: string): ReturnType<typeof bls.hash> {
  return bls.hash(message, utf8(domain))
}

function verify(keys: readonly Uint8Array[], hashed: ReturnType<typeof bls.hash>, signature: Uint8Array): boolean {
  const point = parse(() => signatureOf(signature))
  const points = keys.map(parseKey)
  if (point === undefined || points.length === 0 || points.some((each) => each === undefined)) return false
  const sum = bls.aggregatePublicKeys(points as Key[])
  return !sum.is0() && bls.verify(point, hashed, sum)
}

// A committee's keys are the same arrays for a whole epoch, and decompressing one takes as long as a hundred additions.
const parsed = new WeakMap<Uint8Array, Key>()

function parseKey(bytes: Uint8Array): Key | undefined {
  const known = parsed.get(bytes)
  if (known !== undefined) return known
  const key = parse(() => keyOf(bytes))
  if (key !== undefined) parsed.set(bytes, key)
  return key
}

function keyOf(bytes: Uint8Array): Key | undefined {
  if (bytes.length !== BLS_KEY_BYTES) return undefined
  const point = bls12_381.G1.Point.fromBytes(bytes)
  point.assertValidity()
  return point.is0() || !point.isTorsionFree() ? undefined : point
}

function signatureOf(bytes: Uint8Array): Signature | undefined {
  if (bytes.length !== BLS_SIGNATURE_BYTES) return undefined
  const point = bls.Signature.fromBytes(bytes)
  point.assertValidity()
  return point.is0() || !point.isTorsionFree() ? undefined : point
}

/** The library throws errors of its own for what is no point. */
function parse<Point>(read: () => Point | undefined): Point | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}
