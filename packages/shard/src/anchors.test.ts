import { signCertificate } from '@armchain/consensus'
import {
  type Anchor,
  activeEd25519,
  type Details,
  Draft,
  type Head,
  headCodec,
  headHash,
  keyPairFromSecret,
  merkleListRoot,
  type ShardState,
  sha256,
  verifyMerkleRange,
  wholeShard,
} from '@armchain/core'
import { expect, test } from 'vitest'
import { applyAnchors, proveShardTop, readAnchor, shardTopsRoot } from './anchors.ts'
import type { ShardDescriptor } from './layout.ts'
import { createWorld, hosted, prepare, seal, signAsValidator } from './world.fixture.ts'

const world = createWorld(2)
const { runtime, layout } = world
const MAIN_HEIGHT = 2

/** The first two blocks of vShard 1 and the first of vShard 2, the second after a main-shard block. */
const [first, second, other] = (() => {
  const machine = world.create()
  machine.start(1_000)
  machine.admit(1_000, prepare(world, 0))
  seal(machine, 1, 2_000)
  seal(machine, 2, 2_000)
  const before = machine.unanchored()
  seal(machine, 0, 2_500)
  seal(machine, 1, 3_000)
  const find = (list: typeof before, shard: number) =>
    list.find(({ anchor }) => headCodec.decode(anchor.head).shard.vShard === shard)?.anchor as Anchor
  return [find(before, 1), find(machine.unanchored(), 1), find(before, 2)] as const
})()

function apply(anchors: readonly Anchor[], state: ShardState = world.states()[0] as ShardState) {
  const draft = new Draft(state)
  const outcome = applyAnchors(anchors, draft, { runtime, layout, height: MAIN_HEIGHT, timeMs: 3_000 })
  if (outcome.ok) state.apply(draft.writes())
  return outcome
}

function codeOf(...anchors: readonly Anchor[]): string | undefined {
  const outcome = apply(anchors)
  return outcome.ok ? undefined : outcome.reason.code
}

/** The anchor as its shard's validator would certify it with these fields. */
function certified(
  anchor: Anchor,
  parts: { head?: Partial<Head>; details?: Partial<Details> },
  signer = signAsValidator,
): Anchor {
  const details = runtime.details.encode({ ...runtime.details.decode(anchor.details), ...parts.details })
  const head = headCodec.encode({ ...headCodec.decode(anchor.head), bodyHash: sha256(details), ...parts.head })
  const { committee } = layout.shards[1] as ShardDescriptor
  const certificate = signCertificate({ ...layout, committee }, head, [{ index: 0, sign: signer }])
  return { head, details, certificate, outbox: anchor.outbox }
}

test('heads in order, of several shards, are recorded and proven in their place', () => {
  const state = world.states()[0] as ShardState
  const outcome = apply([first, other, second], state)
  if (!outcome.ok) throw new Error(outcome.reason.message)
  const { supply, mainHeight } = runtime.details.decode(second.details)
  expect(readAnchor(state, wholeShard(1))).toEqual({
    height: 2,
    headHash: headHash(second.head),
    timeMs: 3_000,
    mainHeight,
    supply,
  })
  expect(mainHeight).toBe(1)
  expect(readAnchor(state, wholeShard(2))?.height).toBe(1)
  const root = shardTopsRoot(outcome.value)
  for (const [i, { top }] of outcome.value.entries())
    expect(verifyMerkleRange(root, 3, i, sha256(top), proveShardTop(outcome.value, i))).toBe(true)
  expect(shardTopsRoot([])).toEqual(new Uint8Array(32))
  expect(root).not.toEqual(merkleListRoot(new Uint8Array(96)))
})

test('the same in two main-shard blocks', () => {
  const state = world.states()[0] as ShardState
  expect(apply([first], state).ok).toBe(true)
  expect(apply([second, other], state).ok).toBe(true)
})

test('a head that is certified anew with the same fields is the same head', () => {
  expect(codeOf(certified(first, {}))).toBeUndefined()
  expect(certified(first, {}).head).toEqual(first.head)
  expect(codeOf(sighted, certified(second, { details: { previous, mainHeight: 1 } }))).toBeUndefined()
})

const supply = runtime.details.decode(first.details).supply
const stranger = keyPairFromSecret(sha256(Uint8Array.of(1)))
const asStranger = (message: Uint8Array) => activeEd25519().sign(message, stranger.secretKey)
/** As the first, but it has seen the main shard's first block: so there is something to fall behind. */
const sighted = certified(first, { details: { mainHeight: 1 } })
const previous = [headHash(sighted.head)]
const anchoring: Record<string, readonly [string, readonly Anchor[]]> = {
  'a head twice in one block': ['ARM_ANCHOR', [first, first]],
  'the second head first': ['ARM_ANCHOR', [second, first]],
  'the second head without the first': ['ARM_ANCHOR', [second]],
  'a head of another parent': ['ARM_ANCHOR', [certified(first, { details: { previous: [new Uint8Array(32)] } })]],
  'a head without a parent': ['ARM_ANCHOR', [certified(first, { details: { previous: [] } })]],
  'a head of two parents': [
    'ARM_ANCHOR',
    [
      certified(first, {
        details: { previous: [...runtime.details.decode(first.details).previous, new Uint8Array(32)] },
      }),
    ],
  ],
  'a second head that extends another first': ['ARM_ANCHOR', [certified(first, { head: { timeMs: 2_001 } }), second]],
  'a head of another chain': ['ARM_ANCHOR', [certified(first, { head: { genesis: new Uint8Array(32) } })]],
  'a head of an unknown vShard': ['ARM_ANCHOR', [certified(first, { head: { shard: wholeShard(9) } })]],
  'a head of a part of a vShard': [
    'ARM_ANCHOR',
    [certified(first, { head: { shard: { ...wholeShard(1), born: 1 } } })],
  ],
  'a head of the main shard': ['ARM_ANCHOR', [certified(first, { head: { shard: wholeShard(0) } })]],
  'a head that is cut short': ['ARM_ANCHOR', [{ ...first, head: first.head.subarray(1) }]],
  'no head': ['ARM_ANCHOR', [{ ...first, head: new Uint8Array(0) }]],
  'details of another head': ['ARM_ANCHOR', [{ ...first, details: other.details }]],
  'details that are cut short': ['ARM_ANCHOR', [{ ...first, details: first.details.subarray(1) }]],
  'a certificate of another head': ['ARM_BLOCK_CERTIFICATE', [{ ...first, certificate: other.certificate }]],
  'a certificate that is cut short': [
    'ARM_BLOCK_CERTIFICATE',
    [{ ...first, certificate: first.certificate.subarray(1) }],
  ],
  'a certificate of a stranger': ['ARM_BLOCK_CERTIFICATE', [certified(first, {}, asStranger)]],
  'more balances than there can be': [
    'ARM_SUPPLY',
    [certified(first, { details: { supply: { ...supply, balances: supply.balances + 1n } } })],
  ],
  'more sent than there can be': [
    'ARM_SUPPLY',
    [certified(first, { details: { supply: { ...supply, sent: supply.sent + 1n } } })],
  ],
  'money made beyond 64 bits': [
    'ARM_SUPPLY',
    [
      certified(first, {
        details: { supply: { ...supply, balances: 2n ** 64n - 1n, burnt: supply.balances + supply.burnt + 1n } },
      }),
    ],
  ],
  'a head that has seen this main-shard block': [
    'ARM_ANCHOR',
    [certified(first, { details: { mainHeight: MAIN_HEIGHT } })],
  ],
  'a head that has seen less than its parent': [
    'ARM_ANCHOR',
    [sighted, certified(second, { details: { previous, mainHeight: 0 } })],
  ],
  'a head that is older than its parent': ['ARM_ANCHOR', [first, certified(second, { head: { timeMs: 1_999 } })]],
  'a good head before a bad one': ['ARM_BLOCK_CERTIFICATE', [other, { ...first, certificate: other.certificate }]],
}

test.each(Object.keys(anchoring))('refused: %s', (what) => {
  const [code, anchors] = anchoring[what] as (typeof anchoring)[string]
  expect(codeOf(...anchors)).toBe(code)
})

test('any byte of head, details or certificate changed is refused', () => {
  for (const part of ['head', 'details', 'certificate'] as const) {
    for (let at = 0; at < first[part].length; at++) {
      const changed = first[part].slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      expect(codeOf({ ...first, [part]: changed })).toMatch(/^ARM_(ANCHOR|BLOCK_CERTIFICATE)$/)
    }
  }
})

test('only the main shard anchors', () => {
  const machine = world.create()
  machine.start(1_000)
  const { chain } = hosted(machine, 1)
  expect(() =>
    chain.propose({
      timeMs: 2_000,
      view: 1,
      epoch: 0,
      mainHeight: 0,
      mainHead: (height) => machine.mainHead(height),
      imports: [],
      transactions: [],
      anchors: [other],
      congestion: 0,
      proposer: new Uint8Array(32),
    }),
  ).toThrow('only the main shard anchors')
})
