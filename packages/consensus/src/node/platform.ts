import type { BlsBackend } from '../schemes/bls-backend.ts'
import { nobleBls } from '../schemes/noble-bls.ts'
import { createBlstBls } from './blst-bls.ts'

/** For Node: native where the addon loads. */
export const platformBls: BlsBackend = createBlstBls() ?? nobleBls
