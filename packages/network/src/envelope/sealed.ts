import {
  ArmError,
  blob,
  bytes32,
  type Codec,
  compile,
  concatBytes,
  equalBytes,
  isArmError,
  type Rng,
  signingDomain,
  struct,
  u53,
} from '@armchain/core'
import { xchacha20poly1305 } from '@noble/ciphers/chacha.js'
import { x25519 } from '@noble/curves/ed25519.js'
import { hkdf } from '@noble/hashes/hkdf.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { decodeEnvelope, ENCODING_SEALED, ENVELOPE_HEAD_BYTES, ENVELOPE_VERSION, encodeEnvelope } from './envelope.ts'
import { ENVELOPE_BYTES_MAX } from './limits.ts'

/**
 * Sealed envelopes: from one sender to one recipient, end to end, over peers that neither trusts (requirement A5).
 *
 * Rules:
 * 1. Each node has an X25519 key of its own for this, which its record names (`NodeRecord`). It is not derived from the
 *    ed25519 key: each can be replaced without the other, and no proof is needed that one key is safe in two schemes.
 * 2. The secret is that of HPKE's authenticated mode (RFC 9180 section 4.1, `AuthEncap`): `DH(ephemeral, recipient) ||
 *    DH(sender, recipient)`, so that only the sender or the recipient can have made it. A secret of zeros, which points
 *    of small order give, is refused (RFC 7748 section 6.1).
 * 3. Key and nonce are HKDF-SHA256 of it (RFC 5869), salted by a domain that names the network, and bound to both public
 *    keys, the ephemeral one and the sequence number: a generator that repeats itself does not repeat them.
 * 4. XChaCha20-Poly1305; its associated data are all bytes of the envelope that it does not encrypt, fields of later
 *    versions among them.
 * 5. Whoever opens has each sequence number of a sender judged by a `ReplayGuard`.
 *
 * What it does not hide: who writes to whom, type, size. Who steals a recipient's key reads what was sealed for it
 * before, and can write to it, and to nobody else, in any name: so keys are replaced, with the record, once an epoch.
 *
 * *Deviations*: HPKE's key schedule is replaced by one HKDF, as each secret serves one message.
 */
export type SealingKey = {
  /** 32 bytes from a cryptographic source. */
  readonly secretKey: Uint8Array
  readonly publicKey: Uint8Array
}

/** Separates networks: see `sealingDomain`. */
export type SealingDomain = Uint8Array

export type Sealing = {
  readonly domain: SealingDomain
  readonly from: SealingKey
  /** The recipient's public key. */
  readonly to: Uint8Array
  readonly type: number
  readonly flags: number
  /** Above all that this sender has used. */
  readonly sequence: number
  readonly plaintext: Uint8Array
  /** Fields after the body: in clear, but nobody can change them. */
  readonly extensions?: readonly Uint8Array[]
  readonly random: Rng
}

export type Opened = {
  readonly type: number
  readonly flags: number
  /** The sender's public key, authenticated. */
  readonly sender: Uint8Array
  readonly sequence: number
  readonly plaintext: Uint8Array
}

/** Why an envelope does not open. Peers that passed it on could not have known, unless it is `malformed`. */
export type Unopened = { readonly code: 'malformed' | 'not-sealed' | 'other-recipient' | 'forged' }

type SealedBody = {
  readonly ephemeral: Uint8Array
  readonly recipient: Uint8Array
  readonly sender: Uint8Array
  readonly sequence: number
  readonly ciphertext: Uint8Array
}

const sealedCodec: Codec<SealedBody> = compile(
  struct(
    ['ephemeral', bytes32],
    ['recipient', bytes32],
    ['sender', bytes32],
    ['sequence', u53],
    ['ciphertext', blob(ENVELOPE_BYTES_MAX)],
  ),
)
const KEY_BYTES = 32
const NONCE_BYTES = 24
const TAG_BYTES = 16
const NOTHING = new Uint8Array()
const CIPHERTEXT_AT =
  ENVELOPE_HEAD_BYTES +
  sealedCodec.size({
    ephemeral: new Uint8Array(32),
    recipient: new Uint8Array(32),
    sender: new Uint8Array(32),
    sequence: 0,
    ciphertext: NOTHING,
  })
/** What sealing adds to a message, in bytes. */
export const SEALING_BYTES: number = CIPHERTEXT_AT + TAG_BYTES

export function sealingDomain(genesisHash: Uint8Array): SealingDomain {
  return signingDomain(genesisHash, 'sealed-envelope', ENVELOPE_VERSION)
}

/** @throws ArmError ARM_KEY unless given 32 bytes. */
export function sealingKey(secretKey: Uint8Array): SealingKey {
  if (secretKey.length !== KEY_BYTES)
    throw new ArmError('ARM_KEY', 'a secret key has 32 bytes', { bytes: secretKey.length })
  return { secretKey, publicKey: x25519.getPublicKey(secretKey) }
}

/**
 * A whole envelope that only the holder of the key `to` opens.
 *
 * @throws ArmError ARM_KEY if `to` is not a key that secrets can be shared with.
 */
export function seal(sealing: Sealing): Uint8Array {
  const { domain, from, to, type, flags, sequence, plaintext, extensions = [], random } = sealing
  const ephemeral = sealingKey(random.bytes(KEY_BYTES))
  const head = { ephemeral: ephemeral.publicKey, recipient: to, sender: from.publicKey, sequence }
  const secret = sharedSecret(ephemeral.secretKey, from.secretKey, to, to)
  if (secret === undefined)
    throw new ArmError('ARM_KEY', 'to: no secret can be shared with this key', {
      hint: 'take the sealing key of the record that the recipient has signed',
    })
  const ciphertext = new Uint8Array(plaintext.length + TAG_BYTES)
  const body = sealedCodec.encode({ ...head, ciphertext })
  const envelope = encodeEnvelope({
    version: ENVELOPE_VERSION,
    encoding: ENCODING_SEALED,
    type,
    flags,
    body,
    extensions,
  })
  const after = envelope.subarray(CIPHERTEXT_AT + ciphertext.length)
  const cipher = cipherOf(domain, secret, head, envelope.subarray(0, CIPHERTEXT_AT), after)
  envelope.set(cipher.encrypt(plaintext), CIPHERTEXT_AT)
  return envelope
}

/** Opens what `seal` made for this key on this network. Any other bytes do not open; none throw. */
export function open(
  domain: SealingDomain,
  key: SealingKey,
  bytes: Uint8Array,
): { readonly ok: true; readonly value: Opened } | { readonly ok: false; readonly reason: Unopened } {
  const envelope = decodeEnvelope(bytes)
  if (envelope === undefined) return unopened('malformed')
  if (envelope.version !== ENVELOPE_VERSION || envelope.encoding !== ENCODING_SEALED) return unopened('not-sealed')
  const sealed = decodeSealed(envelope.body)
  if (sealed === undefined || sealed.ciphertext.length < TAG_BYTES) return unopened('malformed')
  if (!equalBytes(sealed.recipient, key.publicKey)) return unopened('other-recipient')
  const secret = sharedSecret(key.secretKey, key.secretKey, sealed.ephemeral, sealed.sender)
  if (secret === undefined) return unopened('forged')
  const after = bytes.subarray(CIPHERTEXT_AT + sealed.ciphertext.length)
  const cipher = cipherOf(domain, secret, sealed, bytes.subarray(0, CIPHERTEXT_AT), after)
  try {
    const { type, flags } = envelope
    const { sender, sequence } = sealed
    return { ok: true, value: { type, flags, sender, sequence, plaintext: cipher.decrypt(sealed.ciphertext) } }
  } catch {
    return unopened('forged')
  }
}

/** What a sealed envelope's body claims before anything is verified: to refuse what is not to be opened at no cost. */
export function claimsOf(
  body: Uint8Array,
): { readonly recipient: Uint8Array; readonly sender: Uint8Array; readonly sequence: number } | undefined {
  return decodeSealed(body)
}

function decodeSealed(body: Uint8Array): SealedBody | undefined {
  try {
    return sealedCodec.decode(body)
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}

/**
 * `DH(first, firstPublic) || DH(second, secondPublic)`. For the sender the public keys are the recipient's, twice; for
 * the recipient the secret keys are its own, twice. Undefined for public keys that give nothing secret.
 */
function sharedSecret(
  first: Uint8Array,
  second: Uint8Array,
  firstPublic: Uint8Array,
  secondPublic: Uint8Array,
): Uint8Array | undefined {
  try {
    const ephemeral = x25519.getSharedSecret(first, firstPublic)
    const fixed = x25519.getSharedSecret(second, secondPublic)
    return isZero(ephemeral) || isZero(fixed) ? undefined : concatBytes(ephemeral, fixed)
  } catch {
    return undefined
  }
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}

function cipherOf(
  domain: SealingDomain,
  secret: Uint8Array,
  { ephemeral, recipient, sender, sequence }: Omit<SealedBody, 'ciphertext'>,
  before: Uint8Array,
  after: Uint8Array,
): ReturnType<typeof xchacha20poly1305> {
  const info = new Uint8Array(3 * KEY_BYTES + 8)
  info.set(ephemeral)
  info.set(recipient, KEY_BYTES)
  info.set(sender, 2 * KEY_BYTES)
  new DataView(info.buffer).setBigUint64(3 * KEY_BYTES, BigInt(sequence))
  const derived = hkdf(sha256, secret, domain, info, KEY_BYTES + NONCE_BYTES)
  return xchacha20poly1305(derived.subarray(0, KEY_BYTES), derived.subarray(KEY_BYTES), concatBytes(before, after))
}

function unopened(code: Unopened['code']): { readonly ok: false; readonly reason: Unopened } {
  return { ok: false, reason: { code } }
}
