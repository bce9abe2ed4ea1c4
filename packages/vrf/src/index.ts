export { type ChainDomain, auditAlpha, beaconAlpha } from './ecvrf/alpha.ts'
export { ecvrf } from './ecvrf/ecvrf.ts'
export { referenceVerify } from './ecvrf/reference.ts'
export { type Ecvrf, type EcvrfSuite, OUTPUT_BYTES, PROOF_BYTES } from './ecvrf/suite.ts'
