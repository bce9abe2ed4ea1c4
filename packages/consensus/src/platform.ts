import type { BlsBackend } from './schemes/bls-backend.ts'
import { nobleBls } from './schemes/noble-bls.ts'

/** For browsers and every other platform that is not Node. */
export const platformBls: BlsBackend = nobleBls
