import { type ArmError, headCodec, sha256, toHex } from '@armchain/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { candidatesOf, certify, growChain, rules, shards } from './chain.fixture.ts'
import { type ElectionRecord, electionInputsCodec, electionRecordCodec } from './record.ts'
import { firstElection, type TrustedElection, verifyElection } from './verify.ts'

const genesis = firstElection(rules, { shards, candidates: candidatesOf(0), removed: [] })
const { records, seeds } = growChain(5)

/** The results of all records in turn. */
function follow(): TrustedElection[] {
  const results = [genesis]
  for (const record of records) {
    const outcome = verifyElection(record, results.at(-1) as TrustedElection, rules)
    if (!outcome.ok) throw new Error(outcome.reason.message)
    results.push(outcome.value)
  }
  return results
}

describe('verifyElection', () => {
  test('a chain of elections, each with the seed that the beacon came to', () => {
    let trusted: TrustedElection = genesis
    for (const record of records) {
      const outcome = verifyElection(electionRecordCodec.decode(electionRecordCodec.encode(record)), trusted, rules)
      if (!outcome.ok) throw new Error(outcome.reason.message)
      const { pools, seed, inputs } = outcome.value
      expect(pools.epoch).toBe(trusted.pools.epoch + 1)
      expect(inputs.epoch).toBe(pools.epoch)
      expect(toHex(seed)).toBe(toHex(seeds.get(pools.epoch) as Uint8Array))
      expect(pools.pools.map(({ seats }) => seats.length)).toEqual([8, 8, 8])
      trusted = outcome.value
    }
    expect(trusted.pools.epoch).toBe(6)
  })

  const results = follow()
  const record = records[2] as ElectionRecord
  const trusted = results[2] as TrustedElection
  const reasonFor = (change: Partial<ElectionRecord>, against = trusted): string => {
    const outcome = verifyElection({ ...record, ...change }, against, rules)
    return outcome.ok ? 'accepted' : `${outcome.reason.code} ${outcome.reason.message}`
  }
  const blockAt = (index: number): ElectionRecord['blocks'][number] =>
    record.blocks[index] as ElectionRecord['blocks'][number]
  const withBlock = (index: number, change: Partial<ElectionRecord['blocks'][number]>): Partial<ElectionRecord> => ({
    blocks: record.blocks.with(index, { ...blockAt(index), ...change }),
  })
  const richer = electionInputsCodec.decode(record.inputs)
  const forged = electionInputsCodec.encode({
    ...richer,
    candidates: richer.candidates.map((each, i) => (i === 0 ? { ...each, stakeMotes: each.stakeMotes * 10n } : each)),
  })

  test.each<[string, RegExp, Partial<ElectionRecord>]>([
    ['as it is', /accepted/, {}],
    ['a stake that is larger', /does not show the inputs/, { inputs: forged }],
    ['another state', /state root/, { inputsProof: { ...record.inputsProof, accountsRoot: sha256(forged) } }],
    ['no inputs', /show the inputs/, { inputs: new Uint8Array(0) }],
    ['an older head with its inputs', /last head before the window/, { ...records[1], blocks: record.blocks }],
    ['a block fewer', /all blocks/, { blocks: record.blocks.slice(1) }],
    ['a block twice', /not of the window/, { blocks: record.blocks.with(1, blockAt(0)) }],
    ['a proof of another block', /proof does not hold/, withBlock(1, { proof: blockAt(2).proof })],
    ['details of another block', /details are not/, withBlock(1, { details: blockAt(2).details })],
    ['no details', /details are not/, withBlock(0, { details: new Uint8Array(0) })],
    ['a head that is none', /ARM_CODEC_INPUT/, withBlock(0, { head: new Uint8Array(5) })],
    ['a head that is not certified', /not certified/, { certificate: new Uint8Array(32) }],
  ])('%s', (_, reason, change) => {
    expect(reasonFor(change)).toMatch(reason)
  })

  test('a window that hangs from another head, though certified, is refused', () => {
    const head = headCodec.decode(record.frozenHead)
    expect(reasonFor({ frozenHead: headCodec.encode({ ...head, timeMs: 1 }) })).toMatch(/another parent/)
    const last = headCodec.encode({ ...headCodec.decode(blockAt(3).head), genesis: sha256(forged) })
    expect(reasonFor({ ...withBlock(3, { head: last }), certificate: certify(last) })).toMatch(/another chain/)
    const shard = headCodec.encode({
      ...headCodec.decode(blockAt(3).head),
      shard: shards[1] as (typeof shards)[number],
    })
    expect(reasonFor({ ...withBlock(3, { head: shard }), certificate: certify(shard) })).toMatch(/main shard/)
  })

  test('keys that were not frozen for the window prove nothing', () => {
    const [, own] = trusted.candidates
    const swapped = own.map((each, i) => ({ ...each, vrfKey: (own[(i + 1) % own.length] as typeof each).vrfKey }))
    expect(reasonFor({}, { ...trusted, candidates: [swapped, own] })).toMatch(/proof does not hold/)
    expect(reasonFor({}, { ...trusted, candidates: [[], own] })).toMatch(/no candidate/)
  })

  test('against another epoch it does not hold', () => {
    expect(reasonFor({}, results[1])).toMatch(/ARM_ELECTION/)
    expect(reasonFor({}, results[3])).toMatch(/ARM_ELECTION/)
  })

  test('stakes that cannot fill the seats are refused, not thrown', () => {
    const small = { ...rules, dealing: { ...rules.dealing, ownerMax: 1 } }
    expect(verifyElection(record, trusted, small)).toMatchObject({ ok: false, reason: { code: 'ARM_ELECTION' } })
  })
})

describe('electionRecordCodec', () => {
  const encoded = electionRecordCodec.encode(records[0] as ElectionRecord)

  test('has one form, and any bytes at all throw only its code', () => {
    expect(electionRecordCodec.encode(electionRecordCodec.decode(encoded))).toEqual(encoded)
    const broken = fc.tuple(fc.nat(encoded.length - 1), fc.nat(255)).map(([at, byte]) => encoded.with(at, byte))
    const property = fc.property(fc.oneof(broken, fc.uint8Array({ maxLength: 300 })), (bytes) => {
      let decoded: ElectionRecord
      try {
        decoded = electionRecordCodec.decode(bytes)
      } catch (error) {
        expect((error as ArmError).code).toBe('ARM_CODEC_INPUT')
        return
      }
      expect(electionRecordCodec.encode(decoded)).toEqual(bytes)
      // Whatever it says, verifying it is an outcome. The proofs are dear, so not all of them are run.
      if (bytes.length < 300) expect(verifyElection(decoded, genesis, rules).ok).toBe(false)
    })
    fc.assert(property, { numRuns: 300, seed: 64 })
  })

  test('changed anywhere, a record is refused', () => {
    const property = fc.property(fc.nat(encoded.length - 1), fc.integer({ min: 1, max: 255 }), (at, by) => {
      const changed = encoded.with(at, (encoded[at] as number) ^ by)
      let decoded: ElectionRecord
      try {
        decoded = electionRecordCodec.decode(changed)
      } catch {
        return
      }
      expect(verifyElection(decoded, genesis, rules).ok).toBe(false)
    })
    fc.assert(property, { numRuns: 200, seed: 65 })
  })
})
