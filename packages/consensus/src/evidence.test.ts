import { expect, test } from 'vitest'
import { type Evidence, type EvidenceVote, encodeEvidence, evidenceId, verifyEvidence } from './evidence.ts'
import { committee, EPOCH, voteOf } from './simplex/engine.fixture.ts'
import { type Context, FINALIZE, NOTARIZE, NULLIFY } from './statement.ts'
import { MODEL_GENESIS, MODEL_SHARD } from './testing/chain-model.ts'

const context: Context = { genesisHash: MODEL_GENESIS, schemaVersion: 1, shard: MODEL_SHARD, epoch: EPOCH }
const [a, b, c] = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte)) as [Uint8Array, Uint8Array, Uint8Array]

function of(one: EvidenceVote, two: EvidenceVote, signer = 1, view = 9): Uint8Array {
  return encodeEvidence({ epoch: EPOCH, view, signer }, [one, two])
}

function verdict(bytes: Uint8Array, where: Context = context): Evidence | string {
  const outcome = verifyEvidence(bytes, { context: where, committee })
  return outcome.ok ? outcome.value : outcome.reason.code
}

const vote = voteOf.bind(undefined, 1)
const offences = {
  'two notarize': [vote(NOTARIZE, 9, a), vote(NOTARIZE, 9, b)],
  'two finalize': [vote(FINALIZE, 9, a), vote(FINALIZE, 9, b)],
  'finalize and nullify': [vote(FINALIZE, 9, a), vote(NULLIFY, 9)],
} as const

test.each(Object.entries(offences))(
  '%s: proof, in whatever order, and the same offence by any pair',
  (_, [one, two]) => {
    const bytes = of(one, two)
    expect(of(two, one)).toEqual(bytes)
    const found = verdict(bytes) as Evidence
    expect(found).toMatchObject({ signer: 1, view: 9, epoch: EPOCH })
    const again = verdict(of(one, two.kind === NULLIFY ? two : vote(two.kind, 9, c))) as Evidence
    expect(evidenceId(again)).toEqual(evidenceId(found))
  },
)

test('other offences, views and signers are other evidence', () => {
  const ids = [
    of(...offences['two notarize']),
    of(...offences['two finalize']),
    of(...offences['finalize and nullify']),
    of(vote(NOTARIZE, 8, a), vote(NOTARIZE, 8, b), 1, 8),
    of(voteOf(2, NOTARIZE, 9, a), voteOf(2, NOTARIZE, 9, b), 2),
  ].map((bytes) => evidenceId(verdict(bytes) as Evidence).join())
  expect(new Set(ids).size).toBe(ids.length)
})

const [one, two] = offences['two notarize']
const raw = (parts: Partial<Evidence>) => encodeEvidence({ epoch: EPOCH, view: 9, signer: 1, ...parts }, [one, two])
test.each<[string, Uint8Array, Context?]>([
  ['one vote twice', of(one, one)],
  ['what a correct validator signs: notarize and finalize', of(one, vote(FINALIZE, 9, a))],
  ['what a correct validator signs: notarize and nullify', of(one, vote(NULLIFY, 9))],
  ['two nullify', of(vote(NULLIFY, 9), { ...vote(NULLIFY, 9), signature: new Uint8Array(9) })],
  ['votes of two views', of(one, vote(NOTARIZE, 8, b))],
  ['votes of two validators', of(one, voteOf(2, NOTARIZE, 9, b))],
  ['a vote that nobody signed', of(one, { ...two, signature: one.signature })],
  ['another signer', raw({ signer: 2 })],
  ['a signer without a seat', raw({ signer: 4 })],
  ['another view', raw({ view: 10 })],
  ['another epoch', raw({ epoch: EPOCH + 1 })],
  ['an epoch that the committee is not of', of(one, two), { ...context, epoch: EPOCH + 1 }],
  ['another chain', of(one, two), { ...context, genesisHash: a }],
  ['another shard', of(one, two), { ...context, shard: { ...MODEL_SHARD, vShard: 2 } }],
  ['a kind that there is not', of({ ...one, kind: 4 as never }, { ...two, kind: 4 as never })],
  ['bytes after it', Uint8Array.of(...of(one, two), 0)],
  ['nothing', new Uint8Array(0)],
])('no evidence: %s', (_, bytes, where) => {
  expect(verdict(bytes, where)).toBe('ARM_EVIDENCE')
})

test('any byte changed is no evidence, or the same offence still', () => {
  const bytes = of(one, two)
  for (let at = 0; at < bytes.length; at++) {
    const changed = bytes.slice()
    changed[at] = (changed[at] as number) ^ 1
    expect(verdict(changed)).toBe('ARM_EVIDENCE')
  }
})
