export { type ChainDomain, auditAlpha, beaconAlpha } from './ecvrf/alpha.ts'
export { ecvrf } from './ecvrf/ecvrf.ts'
export { referenceVerify } from './ecvrf/reference.ts'
export { type Ecvrf, type EcvrfSuite, OUTPUT_BYTES, PROOF_BYTES } from './ecvrf/suite.ts'
export {
  type Beacon,
  type BeaconBlock,
  type BeaconState,
  type EpochSeed,
  type Folded,
  seedFor,
} from './beacon/beacon.ts'
export {
  beaconStateCodec,
  defaultMixingBlocks,
  epochSeed,
  type MixingRules,
  mixingBeacon,
  type VrfContribution,
} from './beacon/mixing-beacon.ts'
export { proveBeacon, type VrfKeyPair, vrfKeyPair } from './beacon/prover.ts'
export { cutMandates, type Mandates, mandatePrice, type Stake, stakeListCodec } from './dealing/mandates.ts'
export {
  type DealingRules,
  dealPools,
  noPools,
  POOL_EPOCHS,
  type Pool,
  type PoolElection,
  type Pools,
  poolsCodec,
  type Seat,
} from './dealing/pools.ts'
export { asWitnesses, drawWitnesses, type Term, termSeed, type Witness } from './dealing/witnesses.ts'
export { type AuditSeat, type AuditShare, auditTranche, sortAuditor, verifyAuditor } from './dealing/auditors.ts'
export { deriveSeed, SeedStream, type SeedPurpose, sample } from './dealing/seed-stream.ts'
export {
  type Candidate,
  ELECTION_ENTRY,
  type ElectionBlock,
  type ElectionInputs,
  type ElectionRecord,
  electionInputsCodec,
  electionRecordCodec,
} from './election/record.ts'
export {
  type ElectionResult,
  type ElectionRules,
  firstElection,
  type TrustedElection,
  verifyElection,
} from './election/verify.ts'
export {
  committeeFailure,
  faultySeats,
  isSafe,
  minCommittee,
  type RiskAnswer,
  type RiskQuestion,
} from './risk/committee.ts'
export { failingSeats, type Threshold, THRESHOLDS } from './risk/threshold.ts'
export {
  type Assessment,
  assessCommittee,
  type CommitteePlan,
  expectedChoices,
  explainAssessment,
  type Finality,
  type RiskPolicy,
} from './risk/yearly.ts'
export * as limits from './limits.ts'
