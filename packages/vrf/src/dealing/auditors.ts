import { ArmError, type ShardKey } from '@armchain/core'
import { auditAlpha, type ChainDomain } from '../ecvrf/alpha.ts'
import { ecvrf } from '../ecvrf/ecvrf.ts'

/**
 * Auditors choose themselves: a validator of the main shard evaluates its VRF on the block to be audited, and is an auditor
 * if the output is low enough for its share of the mandates. Until it speaks, nobody else knows.
 *
 * Rules: with m of M mandates and t auditors expected, the chance to be in the first tranche is min(1, t m / M). Each
 * further tranche lets in as many again: auditors who do not show up are made good for by those who come next in line,
 * with the proof that they already have.
 */
export type AuditShare = {
  /** Mandates of the validator, and of all. */
  readonly mandates: number
  readonly totalMandates: number
  /** Auditors expected in a tranche. */
  readonly expected: number
}

export type AuditSeat = { readonly headHash: Uint8Array; readonly shard: ShardKey }

const OUTPUT_RANGE = 2n ** 512n
const vrf = ecvrf('ECVRF-EDWARDS25519-SHA512-ELL2')

/** The tranche in which the holder of the key is to audit, from 0, with the proof; a high tranche is hardly ever asked. */
export function sortAuditor(
  secretKey: Uint8Array,
  domain: ChainDomain,
  seat: AuditSeat,
  share: AuditShare,
): { readonly tranche: number; readonly proof: Uint8Array } {
  const proof = vrf.prove(secretKey, auditAlpha(domain, seat))
  return { tranche: auditTranche(vrf.proofToHash(proof) as Uint8Array, share), proof }
}

/** The tranche that a proof of someone else is good for; undefined if it does not hold. */
export function verifyAuditor(
  publicKey: Uint8Array,
  domain: ChainDomain,
  seat: AuditSeat,
  { share, proof }: { readonly share: AuditShare; readonly proof: Uint8Array },
): number | undefined {
  const output = vrf.verify(publicKey, auditAlpha(domain, seat), proof)
  return output === false ? undefined : auditTranche(output, share)
}

/**
 * floor(output M / (2^512 t m)): the output is uniform in [0, 2^512), so below k + 1 with probability
 * min(1, (k + 1) t m / M).
 */
export function auditTranche(output: Uint8Array, { mandates, totalMandates, expected }: AuditShare): number {
  for (const [name, value] of Object.entries({ mandates, totalMandates, expected }))
    if (!Number.isInteger(value) || value < 1) throw new ArmError('ARM_ARGUMENT', `${name} is at least 1`, { value })
  if (mandates > totalMandates)
    throw new ArmError('ARM_ARGUMENT', 'nobody has more than all mandates', { mandates, totalMandates })
  let value = 0n
  for (const byte of output) value = (value << 8n) | BigInt(byte)
  return Number((value * BigInt(totalMandates)) / (OUTPUT_RANGE * BigInt(expected) * BigInt(mandates)))
}
