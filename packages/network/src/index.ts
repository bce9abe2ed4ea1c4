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
export {
  type Backbone,
  type BackboneOptions,
  backboneNeighbours,
  backboneOf,
  linksChangedMax,
} from './overlay/backbone.ts'
export {
  backboneCutRisk,
  binomialTail,
  chosenForRisk,
  isolationRisk,
  type MeshParts,
  meshSplitRisk,
  reachabilityWarning,
  unreachableRisk,
} from './overlay/bounds.ts'
export {
  type Bridge,
  type BridgeDecision,
  type BridgedKind,
  type CertificateCheck,
  createBridge,
  type Place,
} from './overlay/bridge.ts'
export { componentsOf, distancesFrom, type Edge, edgesOf, type Graph, graphOf } from './overlay/graph.ts'
export {
  chooseHome,
  type HomeChoice,
  type HomeLack,
  type HomeOptions,
  type SuperNodeView,
} from './overlay/home-super-nodes.ts'
export { decodeRouted, encodeRouted, type RoutedMessage } from './overlay/routed-message.ts'
export {
  createRouter,
  type Outgoing,
  type OverlayView,
  type Router,
  type RouterAnswer,
  type RouterEffect,
} from './overlay/router.ts'
export { disjointPaths, vertexConnectivity } from './overlay/vertex-connectivity.ts'
export * as overlayLimits from './overlay/limits.ts'
