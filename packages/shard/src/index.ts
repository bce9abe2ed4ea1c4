export {
  type BlockContext,
  type ExecutedBlock,
  type Fault,
  genesisTip,
  type Ingredients,
  type Round,
  ShardChain,
  type ShardSetup,
  type Tip,
} from './chain.ts'
export { decodeBlock, type ReadBlock, readBlock } from './read-block.ts'
export { encodePayload, readPayload } from './payload.ts'
export {
  findShard,
  genesisLayout,
  isMain,
  type Layout,
  ownsAccount,
  resolveShard,
  type ShardDescriptor,
} from './layout.ts'
export {
  committeeCodec,
  type CommitteeDescriptor,
  committeesRoot,
  describeCommittee,
} from './committees.ts'
export { committeeHash, type EpochLink, followEpochs, type TrustedEpoch } from './epoch-chain.ts'
export { Mailbox } from './mailbox.ts'
export {
  type AnchoringHead,
  type CheckedImport,
  checkImport,
  type ImportRules,
  type MainHead,
  verifyImport,
} from './imports.ts'
export {
  type BatchWithMessages,
  createOutbox,
  type Outbox,
  type OutboxBatch,
  outboxBatchCodec,
  proveBatch,
  proveMessages,
} from './outbox.ts'
export { type AnchorRecord, type CheckedAnchor, proveShardTop, readAnchor, trustedAnchor } from './anchors.ts'
export {
  type CommitteeSource,
  EVIDENCE_MODULE,
  type EvidenceRules,
  evidenceModule,
  genesisCommittees,
  isReported,
  type OffenceRecord,
  type OffencesArgs,
  type OffencesPage,
  type ReportArgs,
  readOffences,
  reportArgsCodec,
} from './evidence-module.ts'
export { EVIDENCE_GAS_LIMIT, type EvidenceSender, evidenceTransaction, reportCall } from './evidence-transaction.ts'
export { standardModules } from './standard-modules.ts'
export { EvidenceReports } from './evidence-reports.ts'
export { OFFENCES_PAGE_MAX } from './limits.ts'
export { auditSupply, type SupplyReport } from './auditor.ts'
export { auditShard } from './supply-rule.ts'
export { anchoredHeight, ChainMachine } from './chain-machine.ts'
export type { EngineLog, MachineConfig, MachineEffect, MachineInput, SealedBlock } from './machine-port.ts'
export type { HostedShard, Signer } from './hosted-shard.ts'
export type { Unanchored } from './anchor-queue.ts'
export { type Dropped, type PoolLimits, TxPool } from './tx-pool.ts'
