import type { CertificateScheme } from '../schemes/scheme.ts'

/**
 * Signatures that are quick to make and check, and worth nothing: eight bytes mixed from key and message. For
 * simulations, in which nobody tries to forge them. The secret key is the public key.
 */
export const fakeScheme: CertificateScheme = {
  id: 255,
  name: 'fake',
  keyBytes: 32,
  attributable: true,
  verifyVote: (key, message, signature) => signature.length === SIGNATURE_BYTES && matches(key, message, signature, 0),
  assemble(signatures) {
    const proof = new Uint8Array(SIGNATURE_BYTES * signatures.length)
    for (const [i, signature] of signatures.entries()) proof.set(signature, SIGNATURE_BYTES * i)
    return proof
  },
  verifyProof: (keys, message, proof) =>
    proof.length === SIGNATURE_BYTES * keys.length &&
    keys.every((key, i) => matches(key, message, proof, SIGNATURE_BYTES * i)),
}

export function fakeSign(key: Uint8Array, message: Uint8Array): Uint8Array {
  const signature = new Uint8Array(SIGNATURE_BYTES)
  mix(key, message)
  for (let i = 0; i < 4; i++) {
    signature[i] = low >>> (8 * i)
    signature[4 + i] = high >>> (8 * i)
  }
  return signature
}

/** A scheme with the keys of its seats. */
export type TestCrypto = {
  readonly scheme: CertificateScheme
  /** Public key of a seat. */
  readonly keyOf: (index: number) => Uint8Array
  readonly signerOf: (index: number) => (message: Uint8Array) => Uint8Array
}

export const fakeCrypto: TestCrypto = {
  scheme: fakeScheme,
  keyOf: fakeKey,
  signerOf: (index) => (message) => fakeSign(fakeKey(index), message),
}

/** A key for a seat: the number in its first bytes, which is all that signatures look at. */
export function fakeKey(index: number): Uint8Array {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, index + 1)
  return key
}

const SIGNATURE_BYTES = 8

function matches(key: Uint8Array, message: Uint8Array, signatures: Uint8Array, at: number): boolean {
  mix(key, message)
  for (let i = 0; i < 4; i++) {
    if (signatures[at + i] !== ((low >>> (8 * i)) & 0xff)) return false
    if (signatures[at + 4 + i] !== ((high >>> (8 * i)) & 0xff)) return false
  }
  return true
}

/** The halves of the last mix: two numbers without an object for them. */
let low = 0
let high = 0

/** FNV-1a over key and message, and beside it a second sum that is stirred by the first. */
function mix(key: Uint8Array, message: Uint8Array): void {
  low = 0x811c9dc5
  high = 0
  for (let i = 0; i < 4; i++) low = Math.imul(low ^ (key[i] as number), 0x01000193)
  for (let i = 0; i < message.length; i++) {
    low = Math.imul(low ^ (message[i] as number), 0x01000193)
    high = (high ^ (low >>> 7)) + (high << 5)
  }
  low ^= low >>> 15
  high = Math.imul(high, 0x2c1b3c6d) >>> 0
}
