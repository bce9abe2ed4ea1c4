import {
  type Head,
  headCodec,
  type KeyPair,
  keyPairFromSecret,
  type ShardScheme,
  sha256,
  utf8,
  type Validator,
  wholeShard,
} from '@armchain/core'
import { bls12_381 } from '@noble/curves/bls12-381.js'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { signCertificate, verifyCertificate } from './certificate.ts'
import { checkCommittees, schemeCommittee, voteSigner } from './scheme-committee.ts'
import { type BlsKeys, blsKeysFromSeed, blsValidator } from './schemes/bls-keys.ts'
import { blsMultisig, sumBlsKeys } from './schemes/bls-multisig.ts'
import { nobleBls } from './schemes/noble-bls.ts'

const names = ['a', 'b', 'c', 'd'].map((name) => sha256(utf8(name)))
const keys: readonly KeyPair[] = names.map(keyPairFromSecret)
const blsKeys: readonly BlsKeys[] = names.map((seed) => blsKeysFromSeed(seed))
const validators = keys.map(({ publicKey }, i) => blsValidator(publicKey, blsKeys[i] as BlsKeys, i + 1))
const at = <Item>(items: readonly Item[], i: number) => items[i] as Item

const zero = new Uint8Array(32)
const roots = { stateRoot: zero, outboxRoot: zero, shardTopsRoot: zero, workerTopsRoot: zero, committeesRoot: zero }
const place = { genesis: sha256(zero), shard: wholeShard(1), epoch: 0, view: 3, height: 3, timeMs: 9 }
const head = headCodec.encode({ ...place, ...roots, nextCommittee: zero, bodyHash: zero } satisfies Head)

function shardOf(parts: Partial<ShardScheme> = {}): ShardScheme {
  return { vShard: 1, engine: 'simplex', certificates: 'bls', validators, ...parts }
}

function ed25519Shard(weights: readonly number[]): ShardScheme {
  return shardOf({
    certificates: 'ed25519',
    validators: weights.map((weight, i) => ({ publicKey: at(keys, i).publicKey, weight })),
  })
}

function codeOf(shard: ShardScheme): string | undefined {
  try {
    checkCommittees([shard])
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}

test('seats are the validators, in order, with their weights and the keys that the certificates are signed with', () => {
  const bls = schemeCommittee(shardOf())
  expect(bls.seats).toEqual(validators.map(({ blsKey, weight }) => ({ key: blsKey, weight })))
  expect([bls.scheme.name, bls.faults, bls.totalWeight, bls.quorumWeight]).toEqual(['bls-multisig', 'byzantine', 10, 7])
  const ed25519 = schemeCommittee({ ...ed25519Shard([5, 1, 1]), engine: 'poa' })
  expect(ed25519.seats.map(({ key, weight }) => [key, weight])).toEqual(
    [5, 1, 1].map((weight, i) => [at(keys, i).publicKey, weight]),
  )
  expect([ed25519.scheme.name, ed25519.faults, ed25519.quorumWeight]).toEqual(['ed25519-list', 'crash', 4])
})

test('a head is final by weight, not by number, whatever the certificates are', () => {
  const shards = [shardOf(), ed25519Shard([1, 2, 3, 4])]
  fc.assert(
    fc.property(fc.constantFrom(...shards), fc.subarray([0, 1, 2, 3], { minLength: 1 }), (shard, signers) => {
      const committee = schemeCommittee(shard)
      const rules = { genesisHash: place.genesis, schemaVersion: 1, committee }
      const certificate = signCertificate(
        rules,
        head,
        signers.map((index) => {
          const secrets = { secretKey: at(keys, index).secretKey, blsSecretKey: at(blsKeys, index).secretKey }
          return { index, sign: voteSigner(shard.certificates, secrets) }
        }),
      )
      const weight = signers.reduce((sum, index) => sum + index + 1, 0)
      expect(verifyCertificate(head, certificate, rules).ok).toBe(weight >= 7)
    }),
    { numRuns: 30 },
  )
})

test('votes of a BLS committee need a BLS key', () => {
  expect(() => voteSigner('bls', { secretKey: at(keys, 0).secretKey })).toThrow('ARM_KEY')
})

/** A key whose secret nobody knows, and whose sum with the victim's is the attacker's own. */
function rogueKey(victim: Uint8Array, attacker: Uint8Array): Uint8Array {
  const { Point } = bls12_381.G1
  return Point.fromBytes(attacker).subtract(Point.fromBytes(victim)).toBytes()
}

test('a rogue key signs for others, so that none gets in without a proof', () => {
  const [victim, attacker] = [at(validators, 0), at(blsKeys, 1)]
  const blsKey = rogueKey(victim.blsKey as Uint8Array, attacker.publicKey)
  const message = sha256(utf8('what the victim never signed'))
  const forged = nobleBls.sign(message, attacker.secretKey)
  // The attack is real: the scheme takes its signature for one of both.
  expect(blsMultisig().verifyProof([victim.blsKey as Uint8Array, blsKey], message, forged)).toBe(true)
  const rogue = (blsProof: Uint8Array | undefined): Validator => ({ ...at(validators, 1), blsKey, blsProof })
  const proofs = [at(validators, 1).blsProof, victim.blsProof, nobleBls.sign(blsKey, attacker.secretKey), undefined]
  for (const proof of proofs) expect(codeOf(shardOf({ validators: [victim, rogue(proof)] }))).toBe('ARM_SCHEME')
  expect(codeOf(shardOf())).toBeUndefined()
})

test('BLS keys that are no points of the group are refused, with whatever proof', () => {
  const identity = (bytes: number) => new Uint8Array(bytes).fill(0xc0, 0, 1)
  const [first, second] = [at(validators, 0), at(validators, 1)]
  const changed = first.blsKey?.slice() as Uint8Array
  changed[20] = at([...changed], 20) ^ 1
  for (const wrong of [
    { ...first, blsKey: identity(48), blsProof: identity(96) },
    { ...first, blsProof: identity(96) },
    { ...first, blsKey: changed },
    { ...first, blsKey: second.blsKey },
    { ...first, blsKey: undefined },
  ])
    expect(codeOf(shardOf({ validators: [second, wrong] }))).toBe('ARM_SCHEME')
})

test('solo is for one validator', () => {
  const one = { ...ed25519Shard([1]), engine: 'solo' }
  expect(codeOf(one)).toBeUndefined()
  expect(codeOf({ ...ed25519Shard([1, 1]), engine: 'solo' })).toBe('ARM_SCHEME')
})

test('the sum of the keys checks what all have signed', () => {
  const message = sha256(utf8('message'))
  const sum = sumBlsKeys(blsKeys.map(({ publicKey }) => publicKey))
  expect(nobleBls.sumKeys(blsKeys.map(({ publicKey }) => publicKey))).toEqual(sum)
  const signature = nobleBls.aggregate(blsKeys.map(({ secretKey }) => nobleBls.sign(message, secretKey)))
  expect(nobleBls.verify([sum], message, signature)).toBe(true)
})
