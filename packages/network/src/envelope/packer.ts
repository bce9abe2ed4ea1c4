import { ArmError, blob, type Codec, compile, equalBytes, type Rng, struct, u32 } from '@armchain/core'
import type { Verdict } from '../network.ts'
import type { Compressor } from './compressor.ts'
import {
  decodeEnvelope,
  ENCODING_PLAIN,
  ENCODING_SEALED,
  ENCODING_ZSTD,
  ENVELOPE_VERSION,
  type Envelope,
  encodeEnvelope,
  FLAG_COMPRESSED,
  FLAGS_CRITICAL,
} from './envelope.ts'
import { ENVELOPE_BYTES_MAX } from './limits.ts'
import { type ReplayGuard, SEQUENCES_PER_MS } from './replay-guard.ts'
import { claimsOf, open, type SealingDomain, type SealingKey, seal } from './sealed.ts'

/** A kind of message: which number says so, in what form it may come, and how large it may be once unpacked. */
export type MessageType = {
  /** 0 to 65535; never given to another kind. */
  readonly id: number
  readonly name: string
  /** A kind that must be sealed lists only the sealed forms: then nobody can strip the seal off. */
  readonly forms: readonly Form[]
  readonly bytesMax: number
}

export type Form = 'plain' | 'zstd' | 'sealed' | 'sealed-zstd'

/** How one message is to be packed; sealed forms are for the holder of the sealing key `to`. */
export type Packing =
  | { readonly form: 'plain' | 'zstd' }
  | { readonly form: 'sealed' | 'sealed-zstd'; readonly to: Uint8Array; readonly nowMs: number }

export type PackerOptions = {
  readonly types: readonly MessageType[]
  /** Undefined where the platform has no zstd. */
  readonly compressor: Compressor | undefined
  /** Undefined for nodes that neither send nor receive sealed messages. */
  readonly sealing: PackerSealing | undefined
}

export type PackerSealing = {
  readonly domain: SealingDomain
  /** This node's keys: the first seals, all open. One that was replaced stays for as long as its record was believed. */
  readonly keys: readonly [SealingKey, ...SealingKey[]]
  readonly guard: ReplayGuard
  readonly random: Rng
  /** Whether a sender may take a place in the guard and cost the work of opening: by its registered sealing keys. */
  readonly knows: (sender: Uint8Array) => boolean
}

export type Unpacked =
  | {
      readonly verdict: 'accept'
      readonly type: MessageType
      readonly flags: number
      readonly body: Uint8Array
      /** The sealing key of who wrote it; undefined if it was not sealed. */
      readonly sender: Uint8Array | undefined
    }
  | { readonly verdict: Exclude<Verdict, 'accept'>; readonly code: UnpackCode }

/** `reject`: whoever handed it over must have seen that. `ignore`: not for this node, of a later version, or stale. */
export type UnpackCode =
  | 'malformed'
  | 'form-not-allowed'
  | 'too-large'
  | 'unknown-version'
  | 'unknown-encoding'
  | 'unknown-type'
  | 'unknown-flag'
  | 'other-recipient'
  | 'unknown-sender'
  | 'stale'
  | 'forged'

export interface Packer {
  /** @throws ArmError ARM_ARGUMENT if the kind of message does not allow the form, or the body is too large for it. */
  pack(type: MessageType, body: Uint8Array, packing: Packing): Uint8Array
  /** Never throws, whatever the bytes. `nowMs` is this node's time, for the age of what is sealed. */
  unpack(bytes: Uint8Array, nowMs: number): Unpacked
}

/** Turns bodies into envelopes of any form and back, message by message. */
export function createPacker(options: PackerOptions): Packer {
  const types = new Map(options.types.map((type) => [type.id, type]))
  let lastSequence = 0
  return {
    pack(type, body, packing) {
      checkPacking(type, body, packing)
      if (!('to' in packing))
        return packing.form === 'plain'
          ? plainEnvelope(type.id, ENCODING_PLAIN, body)
          : plainEnvelope(type.id, ENCODING_ZSTD, deflate(options.compressor, body))
      const { sealing } = options
      if (sealing === undefined) throw argument('packing', 'this node has no sealing key')
      lastSequence = Math.max(lastSequence + 1, Math.floor(packing.nowMs) * SEQUENCES_PER_MS)
      return seal({
        domain: sealing.domain,
        from: sealing.keys[0],
        to: packing.to,
        type: type.id,
        flags: packing.form === 'sealed-zstd' ? FLAG_COMPRESSED : 0,
        sequence: lastSequence,
        plaintext: packing.form === 'sealed-zstd' ? deflate(options.compressor, body) : body,
        random: sealing.random,
      })
    },
    unpack(bytes, nowMs) {
      const envelope = decodeEnvelope(bytes)
      if (envelope === undefined) return { verdict: 'reject', code: 'malformed' }
      if (envelope.version !== ENVELOPE_VERSION) return { verdict: 'ignore', code: 'unknown-version' }
      if (envelope.flags & FLAGS_CRITICAL) return { verdict: 'ignore', code: 'unknown-flag' }
      const type = types.get(envelope.type)
      if (type === undefined) return { verdict: 'ignore', code: 'unknown-type' }
      const form = formOf(envelope)
      if (form === undefined || (compresses(form) && options.compressor === undefined))
        return { verdict: 'ignore', code: 'unknown-encoding' }
      if (!type.forms.includes(form)) return { verdict: 'reject', code: 'form-not-allowed' }
      if (form === 'sealed' || form === 'sealed-zstd') return unseal(options, type, envelope, bytes, nowMs)
      const body = form === 'zstd' ? inflate(options.compressor, envelope.body, type.bytesMax) : envelope.body
      if (typeof body === 'string') return { verdict: 'reject', code: body }
      if (body.length > type.bytesMax) return { verdict: 'reject', code: 'too-large' }
      return { verdict: 'accept', type, flags: envelope.flags, body, sender: undefined }
    },
  }
}

/** The end-to-end layer of `unpack`. Nothing that goes wrong behind the seal is the fault of a peer on the way. */
function unseal(
  { sealing, compressor }: PackerOptions,
  type: MessageType,
  envelope: Envelope,
  bytes: Uint8Array,
  nowMs: number,
): Unpacked {
  const claimed = claimsOf(envelope.body)
  if (claimed === undefined) return { verdict: 'reject', code: 'malformed' }
  if (sealing === undefined) return { verdict: 'ignore', code: 'other-recipient' }
  const key = sealing.keys.find(({ publicKey }) => equalBytes(publicKey, claimed.recipient))
  if (key === undefined) return { verdict: 'ignore', code: 'other-recipient' }
  if (!sealing.knows(claimed.sender)) return { verdict: 'ignore', code: 'unknown-sender' }
  if (sealing.guard.judge(claimed.sender, claimed.sequence, nowMs) !== 'fresh')
    return { verdict: 'ignore', code: 'stale' }
  const opened = open(sealing.domain, key, bytes)
  if (!opened.ok) {
    const { code } = opened.reason
    return code === 'malformed' ? { verdict: 'reject', code } : { verdict: 'ignore', code: 'forged' }
  }
  const { flags, sender, sequence, plaintext } = opened.value
  sealing.guard.take(sender, sequence, nowMs)
  const body = flags & FLAG_COMPRESSED ? inflate(compressor, plaintext, type.bytesMax) : plaintext
  if (typeof body === 'string') return { verdict: 'ignore', code: body }
  if (body.length > type.bytesMax) return { verdict: 'ignore', code: 'too-large' }
  return { verdict: 'accept', type, flags, body, sender }
}

/** A compressed body says first how large it will be: a bomb is refused by what it declares, or by what it then breaks. */
const deflatedCodec: Codec<{ readonly sizeBytes: number; readonly frame: Uint8Array }> = compile(
  struct(['sizeBytes', u32], ['frame', blob(ENVELOPE_BYTES_MAX)]),
)

function deflate(compressor: Compressor | undefined, body: Uint8Array): Uint8Array {
  if (compressor === undefined) throw argument('packing', 'this platform has no zstd')
  return deflatedCodec.encode({ sizeBytes: body.length, frame: compressor.compress(body) })
}

function inflate(
  compressor: Compressor | undefined,
  deflated: Uint8Array,
  bytesMax: number,
): Uint8Array | 'malformed' | 'too-large' {
  try {
    const { sizeBytes, frame } = deflatedCodec.decode(deflated)
    if (sizeBytes > bytesMax) return 'too-large'
    const body = compressor?.decompress(frame, sizeBytes)
    return body?.length === sizeBytes ? body : 'malformed'
  } catch {
    // A compressor throws what it likes at bytes that are not its own.
    return 'malformed'
  }
}

function checkPacking(type: MessageType, body: Uint8Array, { form }: Packing): void {
  if (!type.forms.includes(form)) throw argument('packing', `${type.name} does not come in the form ${form}`)
  if (body.length > type.bytesMax) throw argument('body', `larger than ${type.name} may be`)
}

function plainEnvelope(type: number, encoding: number, body: Uint8Array): Uint8Array {
  return encodeEnvelope({ version: ENVELOPE_VERSION, encoding, type, flags: 0, body, extensions: [] })
}

function formOf({ encoding, flags }: Envelope): Form | undefined {
  switch (encoding) {
    case ENCODING_PLAIN:
      return 'plain'
    case ENCODING_ZSTD:
      return 'zstd'
    case ENCODING_SEALED:
      return flags & FLAG_COMPRESSED ? 'sealed-zstd' : 'sealed'
    default:
      return undefined
  }
}

function compresses(form: Form): boolean {
  return form === 'zstd' || form === 'sealed-zstd'
}

function argument(name: string, why: string): ArmError {
  return new ArmError('ARM_ARGUMENT', `${name}: ${why}`)
}
