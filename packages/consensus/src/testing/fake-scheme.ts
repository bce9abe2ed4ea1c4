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
  for (let half = 0; half < 2; half++) {
    const mixed = mix(key, message, half)
    for (let i = 0; i < 4; i++) signature[4 * half + i] = mixed >>> (8 * i)
  }
  return signature
}

/** A key for a seat: the number in its first bytes. */
export function fakeKey(index: number): Uint8Array {
  const key = new Uint8Array(32)
  new DataView(key.buffer).setUint32(0, index + 1)
  return key
}

const SIGNATURE_BYTES = 8

function matches(key: Uint8Array, message: Uint8Array, signatures: Uint8Array, at: number): boolean {
  for (let half = 0; half < 2; half++) {
    const mixed = mix(key, message, half)
    for (let i = 0; i < 4; i++) if (signatures[at + 4 * half + i] !== ((mixed >>> (8 * i)) & 0xff)) return false
  }
  return true
}

/** FNV-1a over both, with a last stir. */
function mix(key: Uint8Array, message: Uint8Array, salt: number): number {
  let hash = 0x811c9dc5 ^ salt
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ (key[i] as number), 0x01000193)
  for (let i = 0; i < message.length; i++) hash = Math.imul(hash ^ (message[i] as number), 0x01000193)
  hash ^= hash >>> 15
  return Math.imul(hash, 0x2c1b3c6d)
}
