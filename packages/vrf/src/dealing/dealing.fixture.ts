import { compareBytes, sha256, utf8 } from '@armchain/core'
import type { ChainDomain } from '../ecvrf/alpha.ts'
import type { Stake } from './mandates.ts'

export const domain: ChainDomain = { genesisHash: sha256(utf8('a chain')), schemaVersion: 1 }

/** An owner's account id, by name. */
export function ownerOf(name: string | number): Uint8Array {
  return sha256(utf8(`owner ${name}`))
}

export function seedOf(name: string | number): Uint8Array {
  return sha256(utf8(`seed ${name}`))
}

/** A frozen list: in ascending order of owners. */
export function stakeList(stakes: readonly Stake[]): Stake[] {
  return stakes.toSorted((a, b) => compareBytes(a.owner, b.owner))
}

export function equalStakes(count: number, stakeMotes = 1_000n): Stake[] {
  return stakeList(Array.from({ length: count }, (_, i) => ({ owner: ownerOf(i), stakeMotes })))
}
