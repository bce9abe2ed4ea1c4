import { blsKeysFromSeed, blsValidator, type CommitteeScheme, sumBlsKeys } from '@armchain/consensus'
import { ed25519Validators, keyPairFromSecret, sha256, toHex, utf8, type Validator, wholeShard } from '@armchain/core'
import { expect, test } from 'vitest'
import { readAnchor } from './anchors.ts'
import { committeeCodec, committeesRoot, describeCommittee } from './committees.ts'
import { createWorld, hosted, prepare, seal, users, validator, validatorBls } from './world.fixture.ts'

const key = wholeShard(1)
const pairs = ['a', 'b', 'c'].map((name) => keyPairFromSecret(sha256(utf8(name))))
const publicKeys = pairs.map(({ publicKey }) => publicKey)
const blsKeys = pairs.map(({ secretKey }) => blsKeysFromSeed(secretKey))
const blsValidators = pairs.map(({ publicKey }, i) => blsValidator(publicKey, blsKeys[i] as (typeof blsKeys)[number]))
const bls: CommitteeScheme = { engine: 'simplex', certificates: 'bls', validators: blsValidators }
const ed25519: CommitteeScheme = { engine: 'simplex', ...ed25519Validators(publicKeys) }

test('a descriptor names scheme, seats, weights and quorum, and the sum of keys that can be added', () => {
  const weighed = blsValidators.map((each, i) => ({ ...each, weight: 10 ** i }))
  const descriptor = describeCommittee({ key, ...bls, validators: weighed })
  expect(descriptor).toMatchObject({ shard: key, scheme: 2, seats: 3, totalWeight: 111n, quorumWeight: 75n })
  expect(descriptor.aggregateKey).toEqual(sumBlsKeys(blsKeys.map(({ publicKey }) => publicKey)))
  expect(committeeCodec.decode(committeeCodec.encode(descriptor))).toEqual(descriptor)
  const listed = describeCommittee({ key, ...ed25519, engine: 'poa' })
  expect(listed).toMatchObject({ scheme: 1, totalWeight: 3n, quorumWeight: 2n, aggregateKey: new Uint8Array(0) })
})

test('whatever changes in a committee changes what a main-shard head commits to', () => {
  const { layout } = createWorld(1)
  const [first, ...rest] = blsValidators as [Validator, ...Validator[]]
  const committees: readonly CommitteeScheme[] = [
    ed25519,
    { ...ed25519, engine: 'poa' },
    { ...ed25519, validators: ed25519.validators.toReversed() },
    { ...ed25519, validators: ed25519.validators.slice(1) },
    bls,
    { ...bls, validators: [{ ...first, weight: 2 }, ...rest] },
    { ...bls, validators: [{ ...first, publicKey: sha256(first.publicKey) }, ...rest] },
    { ...bls, validators: [{ ...first, blsKey: validatorBls.publicKey }, ...rest] },
  ]
  const roots = committees.map((committee) => {
    const shards = layout.shards.map((shard) => ({ ...shard, ...committee }))
    return toHex(committeesRoot({ ...layout, shards }))
  })
  expect(new Set(roots).size).toBe(committees.length)
})

test('a chain whose heads are certified by BLS signatures anchors them', () => {
  const validators = [blsValidator(validator.publicKey, validatorBls)]
  const shards = [0, 1].map((vShard) => ({ vShard, engine: 'solo', certificates: 'bls' as const, validators }))
  const world = createWorld(1, { shards })
  const machine = world.create()
  machine.start(1_000)
  machine.admit(1_000, prepare(world, 0))
  for (const [i, vShard] of [1, 0].entries()) seal(machine, vShard, 2_000 + i)
  const { main } = machine
  expect(readAnchor(main.chain.state, key)?.height).toBe(1)
  expect(main.chain.tip.head.committeesRoot).toEqual(committeesRoot(world.layout))
  const { accounts } = hosted(machine, 1).chain.state
  expect(accounts.nonce(accounts.find((users[0] as (typeof users)[number]).account))).toBe(1)
})

test('a genesis whose BLS key is not proven makes no layout', () => {
  const honest = blsValidator(validator.publicKey, validatorBls)
  const validators = [{ ...honest, blsProof: blsValidators[0]?.blsProof }]
  const shards = [{ vShard: 0, engine: 'solo', certificates: 'bls' as const, validators }]
  expect(() => createWorld(0, { shards })).toThrow('ARM_SCHEME')
})
