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
export { addressGroup } from './membership/address-group.ts'
export type { BookEntry } from './membership/address-table.ts'
export { directoryKey } from './membership/directory-key.ts'
export { type Draw, drawsOf } from './membership/draw.ts'
export { type Draws, honestPeersChance } from './membership/honest-chance.ts'
export { checkDigest, type MeshDigest, type MeshMetrics, MeshObserver, signDigest } from './membership/mesh-digest.ts'
export { type MeshEffect, type MeshId, type MeshInput, MeshPlanner, wantedPeers } from './membership/mesh-planner.ts'
export {
  type CheckedRecord,
  checkRecord,
  hasRole,
  type NodeRecord,
  ROLE_BITS,
  type Role,
  type Sign,
  signRecord,
  signVoucher,
  type Voucher,
} from './membership/node-record.ts'
export {
  type BookContact,
  type BookView,
  type Dial,
  type DialPlan,
  type OutboundPeer,
  PeerBook,
  type PeerBookOptions,
  type SavedBook,
} from './membership/peer-book.ts'
export { keyOfPeer, peerIdOf } from './membership/peer-id.ts'
export { type OverlayViewOptions, overlayViewOf } from './membership/overlay-view.ts'
export { MeshKeeper, type MeshKeeperOptions } from './membership/mesh-keeper.ts'
export { Probe, type ProbeReport } from './membership/probe.ts'
export { type RecordOffer, RecordTable, type RecordTableOptions } from './membership/record-table.ts'
export * as membershipLimits from './membership/limits.ts'
export { parseTopicName, type TopicPlace, topicName } from './topic-name.ts'
export {
  type Channel,
  createRegistry,
  type Exchange,
  type Handler,
  type JoinedTopic,
  type OpenChannel,
  type Registry,
  type Topic,
  type WireCodec,
} from './registry.ts'
export { InboundQueues, type InboundQueuesOptions, type Offered, type QueueStats } from './inbound-queues.ts'
export { OutboundQueue } from './outbound-queue.ts'
