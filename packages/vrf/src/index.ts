export { type ChainDomain, auditAlpha, beaconAlpha } from './ecvrf/alpha.ts'
export { ecvrf } from './ecvrf/ecvrf.ts'
export { referenceVerify } from './ecvrf/reference.ts'
export { type Ecvrf, type EcvrfSuite, OUTPUT_BYTES, PROOF_BYTES } from './ecvrf/suite.ts'
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
