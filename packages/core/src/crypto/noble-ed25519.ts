import { ed25519 } from '@noble/curves/ed25519.js'
import type { Ed25519, Ed25519Item } from '../ports.ts'

/** The reference: noble's default rule is ZIP215. About 2 ms a signature. */
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
