import { ed25519 } from '@noble/curves/ed25519.js'
import type { Ed25519, Ed25519Item } from '../ports.ts'

/** The reference and the judge: noble's default rule is ZIP215. About 2 ms a signature. */
export const nobleEd25519: Ed25519 = {
  name: 'noble',
  verify({ publicKey, message, signature }: Ed25519Item): boolean {
    if (publicKey.length !== 32 || signature.length !== 64) return false
    try {
      return ed25519.verify(signature, message, publicKey, { zip215: true })
    } catch {
      return false
    }
  },
  isAccountKey(publicKey) {
    if (publicKey.length !== 32) return false
    try {
      const point = ed25519.Point.fromBytes(publicKey)
      return !point.isSmallOrder() && point.isTorsionFree()
    } catch {
      return false
    }
  },
  sign: (message, secretSeed) => ed25519.sign(message, secretSeed),
  publicKey: (secretSeed) => ed25519.getPublicKey(secretSeed),
}

/** The order of the prime subgroup, little-endian. */
const ORDER = Uint8Array.of(
  0xed,
  0xd3,
  0xf5,
  0x5c,
  0x1a,
  0x63,
  0x12,
  0x58,
  0xd6,
  0x9c,
  0xf7,
  0xa2,
  0xde,
  0xf9,
  0xde,
  0x14,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0,
  0x10,
)

/** True if no ZIP215 verifier accepts the signature, whatever the key: a length is wrong, or s is not below the order. */
export function surelyInvalid({ publicKey, signature }: Ed25519Item): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return true
  for (let i = 31; i >= 0; i--) {
    const difference = (signature[32 + i] as number) - (ORDER[i] as number)
    if (difference !== 0) return difference > 0
  }
  return true
}
