export type { ConsensusEngine, EngineConfig, EngineEffect, EngineFactory, EngineInput, Pace } from './engine.ts'
export { createSoloEngine } from './solo.ts'
export { CERTIFICATE_ED25519_LIST, encodeCertificate, headMessage, quorum, verifyCertificate } from './certificate.ts'
