import { type CommitteeScheme, schemeCommittee, signCertificate } from '@armchain/consensus'
import {
  activeEd25519,
  ed25519Validators,
  type Head,
  headCodec,
  type KeyPair,
  keyPairFromSecret,
  sha256,
  utf8,
  wholeShard,
} from '@armchain/core'
import { expect, test } from 'vitest'
import { committeeHash, type EpochLink, followEpochs, type TrustedEpoch } from './epoch-chain.ts'

const ZERO = new Uint8Array(32)
const SHARD = wholeShard(1)
const DAY_MS = 86_400_000
const place = { genesisHash: sha256(utf8('a chain')), schemaVersion: 1 }

const keysOf = (epoch: number): readonly KeyPair[] =>
  Array.from({ length: 4 }, (_, seat) => keyPairFromSecret(sha256(utf8(`epoch ${epoch} seat ${seat}`))))
const committeeOf = (epoch: number): CommitteeScheme => ({
  engine: 'simplex',
  ...ed25519Validators(keysOf(epoch).map(({ publicKey }) => publicKey)),
})

const start: TrustedEpoch = {
  ...place,
  shard: SHARD,
  epoch: 0,
  committee: committeeOf(0),
  height: 0,
  headHash: ZERO,
  timeMs: 1_000,
}

/** The end of an epoch, signed by so many of its seats; `parts` of its head are otherwise. */
function endOf(epoch: number, parts: Partial<Head> = {}, { signers = 3, by = epoch } = {}): EpochLink {
  const head = headCodec.encode({
    genesis: place.genesisHash,
    shard: SHARD,
    epoch,
    view: 9,
    height: 100 * (epoch + 1),
    timeMs: 1_000 + DAY_MS * (epoch + 1),
    stateRoot: ZERO,
    outboxRoot: ZERO,
    shardTopsRoot: ZERO,
    workerTopsRoot: ZERO,
    committeesRoot: ZERO,
    nextCommittee: committeeHash(SHARD, committeeOf(epoch + 1)),
    bodyHash: ZERO,
    ...parts,
  })
  const seats = keysOf(by)
    .slice(0, signers)
    .map(({ secretKey }, index) => ({
      index,
      sign: (message: Uint8Array) => activeEd25519().sign(message, secretKey),
    }))
  const certificate = signCertificate({ ...place, committee: schemeCommittee(committeeOf(by)) }, head, seats)
  return { head, certificate, next: committeeOf(epoch + 1) }
}

const clock = { nowMs: 4 * DAY_MS, trustingPeriodMs: 7 * DAY_MS }

test('from an epoch to a later one, each committee named by the one before', () => {
  const followed = followEpochs(start, [endOf(0), endOf(1), endOf(2)], clock)
  expect(followed.ok && followed.value).toMatchObject({ epoch: 3, height: 300, committee: committeeOf(3) })
  expect(followEpochs(start, [], clock)).toEqual({ ok: true, value: start })
})

test.each([
  ['an epoch is left out', [endOf(0), endOf(2)], 'ARM_BLOCK_CERTIFICATE'],
  ['too few have signed', [endOf(0), endOf(1, {}, { signers: 2 })], 'ARM_BLOCK_CERTIFICATE'],
  ['the committee of another epoch has signed', [endOf(0, {}, { by: 1 })], 'ARM_BLOCK_CERTIFICATE'],
  ['another committee comes next than the head names', [{ ...endOf(0), next: committeeOf(7) }], 'ARM_BLOCK_HEADER'],
  ['the head names none', [endOf(0, { nextCommittee: ZERO })], 'ARM_BLOCK_HEADER'],
  ['the chain is another', [endOf(0, { genesis: sha256(utf8('another chain')) })], 'ARM_BLOCK_HEADER'],
  ['the shard is another', [endOf(0, { shard: wholeShard(2) })], 'ARM_BLOCK_HEADER'],
  ['height does not go on', [endOf(0), endOf(1, { height: 100 })], 'ARM_BLOCK_HEADER'],
  ['time runs backwards', [endOf(0), endOf(1, { timeMs: 5 })], 'ARM_BLOCK_HEADER'],
  ['the head is malformed', [{ ...endOf(0), head: new Uint8Array(40) }], 'ARM_BLOCK_CERTIFICATE'],
])('refused where %s', (_, links, code) => {
  const outcome = followEpochs(start, links, clock)
  expect(!outcome.ok && outcome.reason.code).toBe(code)
})

test('old keys can sign another history: nothing is followed from an epoch of longer ago than the trusting period', () => {
  const outcome = followEpochs(start, [endOf(0), endOf(1)], { ...clock, nowMs: 8 * DAY_MS })
  expect(!outcome.ok && outcome.reason.code).toBe('ARM_HEAD_STALE')
})
