import type { CommitteeScheme } from '@armchain/consensus'
import { finalCertificateCodec, schemeCommittee, verifyCertificate } from '@armchain/consensus'
import { equalBytes, type Head, headHash, type Outcome, refuse, type ShardKey, sameShard, sha256 } from '@armchain/core'
import { committeeCodec, describeCommittee } from './committees.ts'

/** What someone who was away still trusts of a shard: an epoch, and who decided in it. */
export type TrustedEpoch = {
  readonly genesisHash: Uint8Array
  readonly schemaVersion: number
  readonly shard: ShardKey
  readonly epoch: number
  readonly committee: CommitteeScheme
  /** The block that the epoch began with. */
  readonly height: number
  readonly headHash: Uint8Array
  readonly timeMs: number
}

/** The last block of an epoch, and who decides in the next. */
export type EpochLink = {
  readonly head: Uint8Array
  readonly certificate: Uint8Array
  readonly next: CommitteeScheme
}

/** What a head's `nextCommittee` holds. */
export function committeeHash(shard: ShardKey, committee: CommitteeScheme): Uint8Array {
  return sha256(committeeCodec.encode(describeCommittee({ ...committee, key: shard })))
}

/**
 * Follows a shard from a trusted epoch to a later one, by the last block of each epoch in between: who has that may take
 * a snapshot of a state whose root the last of them certifies, and needs no block before.
 *
 * Rules: each is certified by the committee of its epoch, by a finalization of its own and not of one above it, as an
 * epoch has none above; it names the next committee; height and time go on. Whoever has left a committee has nothing to
 * lose any more after the unbonding period, and could sign another history with its old keys: so nothing is followed from
 * an epoch that began longer ago than `trustingPeriodMs`, which has to be shorter than that period.
 *
 * Refuses with `ARM_HEAD_STALE` what is too old to be trusted, `ARM_BLOCK_HEADER` what is out of place and
 * `ARM_BLOCK_CERTIFICATE` what is not certified.
 */
export function followEpochs(
  trusted: TrustedEpoch,
  links: readonly EpochLink[],
  { nowMs, trustingPeriodMs }: { readonly nowMs: number; readonly trustingPeriodMs: number },
): Outcome<TrustedEpoch> {
  if (nowMs - trusted.timeMs > trustingPeriodMs)
    return refuse('ARM_HEAD_STALE', 'the trusted epoch began too long ago to be followed from', {
      epoch: trusted.epoch,
      ageMs: nowMs - trusted.timeMs,
      trustingPeriodMs,
    })
  let at = trusted
  for (const link of links) {
    const next = follow(at, link)
    if (!next.ok) return next
    at = next.value
  }
  return { ok: true, value: at }
}

function follow(at: TrustedEpoch, { head, certificate, next }: EpochLink): Outcome<TrustedEpoch> {
  const { genesisHash, schemaVersion, shard, epoch } = at
  const certified = verifyCertificate(head, certificate, {
    genesisHash,
    schemaVersion,
    committee: schemeCommittee(at.committee),
  })
  if (!certified.ok) return certified
  const misplaced = placeOf(certified.value, at)
  if (misplaced !== undefined) return refuse('ARM_BLOCK_HEADER', misplaced, { epoch, height: certified.value.height })
  if (finalCertificateCodec.decode(certificate).path.length > 0)
    return refuse('ARM_BLOCK_CERTIFICATE', 'the last block of an epoch needs a finalization of its own', { epoch })
  const { height, timeMs, nextCommittee } = certified.value
  if (!equalBytes(nextCommittee, committeeHash(shard, next)))
    return refuse('ARM_BLOCK_HEADER', 'the next committee is not the one that the head names', { epoch })
  return { ok: true, value: { ...at, epoch: epoch + 1, committee: next, height, headHash: headHash(head), timeMs } }
}

function placeOf(head: Head, at: TrustedEpoch): string | undefined {
  if (!equalBytes(head.genesis, at.genesisHash)) return 'the head is of another chain'
  if (!sameShard(head.shard, at.shard)) return 'the head is of another shard'
  if (head.epoch !== at.epoch) return `the head is of another epoch than ${at.epoch}`
  if (head.height <= at.height || head.timeMs < at.timeMs) return 'the head is below the one that the epoch began with'
  return undefined
}
