import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import type { Signer } from './native-ed25519.ts'

/** Parsed secret keys kept: enough for a load generator, which signs with thousands in turn. */
const SIGNERS_MAX = 4096

/** RFC 8410 headers, in front of the 32 bytes of a public key (SPKI) and of a seed (PKCS 8). */
const SPKI_BYTES = 12
const PKCS8 = Buffer.from('302e020100300506032b657004220420', 'hex')

/** OpenSSL where sodium-native has no build: a third slower. */
export function createOpenSslSigner(): Signer {
  const signers = new Map<string, KeyObject>()

  function parsed(seed: Uint8Array): KeyObject {
    const name = Buffer.from(seed).toString('latin1')
    const known = signers.get(name)
    if (known !== undefined) return known
    const key = createPrivateKey({ key: Buffer.concat([PKCS8, seed]), format: 'der', type: 'pkcs8' })
    if (signers.size >= SIGNERS_MAX) signers.delete(signers.keys().next().value as string)
    signers.set(name, key)
    return key
  }

  return {
    name: 'openssl',
    sign: (message, secretSeed) => new Uint8Array(sign(null, message, parsed(secretSeed))),
    publicKey: (secretSeed) =>
      new Uint8Array(createPublicKey(parsed(secretSeed)).export({ format: 'der', type: 'spki' }).subarray(SPKI_BYTES)),
  }
}
