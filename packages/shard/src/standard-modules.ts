import { bank, fees, type RuntimeModule, type Scheme, vesting } from '@armchain/core'
import { evidenceModule, genesisCommittees } from './evidence-module.ts'

/** The modules that every node brings along for a chain; those that the scheme names run. */
export function standardModules(scheme: Scheme, genesisHash: Uint8Array): readonly RuntimeModule[] {
  const committee = genesisCommittees(scheme)
  return [bank, vesting, fees, evidenceModule({ genesisHash, schemaVersion: scheme.version, committee })]
}
