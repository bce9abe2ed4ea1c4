export type * from './network.ts'
export { type QueueSpec, URGENCIES, type Urgency } from './queue-spec.ts'
export {
  decodeEnvelope,
  ENCODING_PLAIN,
  ENCODING_SEALED,
  ENCODING_ZSTD,
  ENVELOPE_VERSION,
  type Envelope,
  type EnvelopeHead,
  encodeEnvelope,
  FLAG_COMPRESSED,
  FLAGS_CRITICAL,
  readEnvelopeHead,
} from './envelope/envelope.ts'
export type { Compressor } from './envelope/compressor.ts'
export {
  createPacker,
  type Form,
  type MessageType,
  type Packer,
  type PackerOptions,
  type PackerSealing,
  type Packing,
  type UnpackCode,
  type Unpacked,
} from './envelope/packer.ts'
export { type Freshness, ReplayGuard, SEQUENCES_PER_MS } from './envelope/replay-guard.ts'
export {
  type Opened,
  open,
  type Sealing,
  SEALING_BYTES,
  type SealingDomain,
  type SealingKey,
  seal,
  sealingDomain,
  sealingKey,
  type Unopened,
} from './envelope/sealed.ts'
export * as envelopeLimits from './envelope/limits.ts'
