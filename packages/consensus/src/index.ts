export {
  type BlockAt,
  type ConsensusEngine,
  DEFAULT_TIMING,
  type EngineConfig,
  type EngineEffect,
  type EngineFactory,
  type EngineInput,
  type EngineSize,
  type Epoch,
  type Pace,
  type Timing,
} from './engine.ts'
export {
  type Committee,
  createCommittee,
  equalWeights,
  type FaultModel,
  quorumOf,
  type Seat,
  weightOf,
} from './committee.ts'
export { type CommitteeScheme, checkCommittees, schemeCommittee, voteSigner } from './scheme-committee.ts'
export { type Elector, roundRobinElector, weightedElector } from './elector.ts'
export {
  decodeMessage,
  encodeMessage,
  type Message,
  type Proposal,
  type SentBlock,
  type Vote,
  type VoteCertificate,
} from './simplex/messages.ts'
export { decodeRecord, type EngineRecord, encodeRecord } from './simplex/records.ts'
export { createSimplexEngine } from './simplex/simplex.ts'
export { createSoloEngine } from './solo.ts'
export { createPoaEngine } from './poa.ts'
export {
  type CertificateRules,
  type FinalCertificate,
  finalCertificateCodec,
  type PathStep,
  signCertificate,
  verifyCertificate,
  votedOn,
} from './certificate.ts'
export type { CertificateScheme } from './schemes/scheme.ts'
export { ed25519List } from './schemes/ed25519-list.ts'
export { blsMultisig, isBlsNative, sumBlsKeys } from './schemes/bls-multisig.ts'
export type { BlsBackend } from './schemes/bls-backend.ts'
export {
  type BlsKeys,
  blsKeysFromMnemonic,
  blsKeysFromSecret,
  blsKeysFromSeed,
  blsValidator,
} from './schemes/bls-keys.ts'
export { nobleBls, provePossession, verifyPossession } from './schemes/noble-bls.ts'
export {
  type Evidence,
  decodeEvidence,
  type EvidenceVote,
  encodeEvidence,
  evidenceId,
  type Offence,
  offenceOf,
  verifyEvidence,
} from './evidence.ts'
export { DEFAULT_PEER_LIMITS, PeerGuard, type PeerLimits } from './peer-guard.ts'
export { readSigners, signerBitmap } from './signers.ts'
export {
  type Context,
  FINALIZE,
  linkOf,
  NOTARIZE,
  NULLIFY,
  type Statements,
  statementsOf,
  type VoteKind,
} from './statement.ts'
export * as consensusLimits from './limits.ts'
