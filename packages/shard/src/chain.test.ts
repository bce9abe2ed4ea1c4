import {
  type Anchor,
  type Block,
  type Body,
  bodyCodec,
  type Details,
  type Head,
  headCodec,
  type Import,
  type PreparedTransaction,
  sha256,
  wholeShard,
} from '@armchain/core'
import { beforeAll, expect, test } from 'vitest'
import type { ExecutedBlock, Ingredients, ShardChain } from './chain.ts'
import type { ChainMachine } from './chain-machine.ts'
import {
  createWorld,
  hosted,
  knowing,
  prepare,
  seal,
  sendCodec,
  transfer,
  USERS,
  users,
  validator,
  type World,
} from './world.fixture.ts'

type Parts = Omit<Block, 'certificate'>

const blocks = { minBytes: 270_336, initialBytes: 270_336, maxBytes: 400_000, maxGas: 2_000_000, importGas: 100_000 }
const fees = { initialBaseFee: 100n, minBaseFee: 10n, changeDenominator: 8, targetGas: 1_000_000, burnPercent: 50 }
const world = createWorld(2, { blocks, fees })
const { runtime } = world

function ingredients(machine: ChainMachine, vShard: number, parts: Partial<Ingredients> = {}): Ingredients {
  const mainHeight = machine.main.chain.tip.height
  const { chain, proposer } = hosted(machine, vShard)
  const view = chain.tip.height + 1
  const mainHead = (height: number) => machine.mainHead(height)
  const empty = { imports: [], transactions: [], anchors: [], congestion: 0 }
  return { timeMs: 5_000, view, epoch: 0, mainHeight, mainHead, proposer, ...empty, ...parts }
}

/** A machine whose vShard 2 has three messages to take. */
function busyMachine(place: World): ChainMachine {
  const machine = place.create()
  machine.start(1_000)
  for (let nonce = 0; nonce < 3; nonce++) machine.admit(1_000, prepare(place, 0, { nonce, call: transfer(1, 5n, 2) }))
  for (const shard of [1, 2, 0, 1]) seal(machine, shard, 2_000)
  return machine
}

function importsOf(machine: ChainMachine, vShard: number): readonly Import[] {
  const budget = { cursor: () => 0, mainHeight: 1, gas: 100_000, sizeBytes: 100_000 }
  return machine.mailbox.imports(wholeShard(vShard), budget).imports
}

/** The block with other details or body, hashed as a dishonest proposer would. */
function forged(
  honest: ExecutedBlock,
  parts: { head?: Partial<Head>; details?: Partial<Details>; body?: Partial<Body> },
): Parts {
  const body = bodyCodec.encode({ ...bodyCodec.decode(honest.block.body), ...parts.body })
  const details = runtime.details.encode({ ...honest.details, dataRoot: sha256(body), ...parts.details })
  const head = headCodec.encode({ ...honest.head, bodyHash: sha256(details), ...parts.head })
  return { head, details, body }
}

/** Another value of the same type. */
function other(value: unknown): unknown {
  if (value === undefined) return new Uint8Array(0)
  if (typeof value === 'number') return value + 1
  if (typeof value === 'bigint') return value + 1n
  if (value instanceof Uint8Array) return value.map((byte, i) => (i === 7 ? byte ^ 1 : byte))
  if (Array.isArray(value)) return value.map(other)
  return Object.fromEntries(
    Object.entries(value as object).map(([key, each], i) => [key, i === 0 ? other(each) : each]),
  )
}

let machine: ChainMachine
let chain: ShardChain
let honest: ExecutedBlock
let candidates: readonly PreparedTransaction[]
const mainHead = (height: number) => machine.mainHead(height)

beforeAll(() => {
  machine = busyMachine(world)
  chain = hosted(machine, 2).chain
  const send = { to: (users[2] as (typeof users)[number]).account, vShard: 1, amount: 9n, expiryBlocks: 5, refuse: 0 }
  const courier = { module: 'courier', method: 'send', args: sendCodec.encode(send) }
  candidates = [
    prepare(world, 0, { vShard: 2 }),
    prepare(world, 0, { vShard: 2, nonce: 1, call: transfer(3, 1n, 9) }),
    prepare(world, 1, { vShard: 2, call: courier, gasLimit: 9_000 }),
  ]
  honest = chain.propose(ingredients(machine, 2, { imports: importsOf(machine, 2), transactions: candidates }))
  chain.abandon(honest)
})

function codeOf(block: Parts): string | undefined {
  const before = chain.state.root()
  const outcome = chain.apply(block, knowing(mainHead))
  if (outcome.ok) chain.abandon(outcome.value)
  expect(chain.state.root()).toEqual(before)
  return outcome.ok ? undefined : outcome.reason.code
}

test('an honest block is accepted as it was made, with the same receipts and messages', () => {
  expect(honest.transactions).toEqual(candidates)
  expect(honest.receipts).toHaveLength(6)
  expect(honest.outbox.batches).toHaveLength(1)
  const outcome = chain.apply(honest.block, knowing(mainHead))
  if (!outcome.ok) throw new Error(outcome.reason.message)
  expect(outcome.value.hash).toEqual(honest.hash)
  expect(outcome.value.receipts).toEqual(honest.receipts)
  expect(outcome.value.outbox).toEqual(honest.outbox)
  chain.abandon(outcome.value)
})

test('any byte of a block changed is refused, or is a claim of its proposer that the certificate covers', () => {
  const claims = new Set<string>()
  for (const part of ['head', 'details', 'body'] as const) {
    for (let at = 0; at < honest.block[part].length; at += part === 'body' ? 3 : 1) {
      const changed = honest.block[part].slice()
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const code = codeOf({ ...honest.block, [part]: changed })
      if (code !== undefined) expect(code).toMatch(/^ARM_(BLOCK|IMPORT)_/)
      else {
        const [before, after] = [honest.block.head, changed].map((head) => headCodec.decode(head))
        for (const [name, value] of Object.entries(before as Head))
          if (value !== (after as Head)[name as keyof Head] && typeof value === 'number') claims.add(`${part}.${name}`)
      }
    }
  }
  expect([...claims].sort()).toEqual(['head.epoch', 'head.timeMs', 'head.view'])
})

/** What a proposer says and no execution can contradict. */
const CLAIMS = ['epoch', 'view', 'timeMs', 'congestion', 'proposer']

test('every field of head and details changed, with all hashes made to fit, is refused', () => {
  for (const [name, value] of Object.entries(honest.head)) {
    const code = codeOf(forged(honest, { head: { [name]: other(value) } }))
    if (CLAIMS.includes(name)) expect(code, name).toBeUndefined()
    else expect(code, name).toMatch(/^ARM_BLOCK_(HEADER|PARENT|STATE)$/)
  }
  for (const [name, value] of Object.entries(honest.details)) {
    const code = codeOf(forged(honest, { details: { [name]: other(value) } }))
    if (CLAIMS.includes(name)) expect(code, name).toBeUndefined()
    else expect(code, name).toMatch(/^ARM_BLOCK_(HEADER|PARENT|STATE)$/)
  }
})

test('each part of the supply changed is refused', () => {
  for (const name of ['balances', 'burnt', 'sent', 'received'] as const) {
    const supply = { ...honest.details.supply, [name]: honest.details.supply[name] + 1n }
    expect(codeOf(forged(honest, { details: { supply } }))).toBe('ARM_BLOCK_STATE')
  }
})

test('time does not run backwards, nor does what a block has seen of the main shard', () => {
  expect(codeOf(forged(honest, { head: { timeMs: chain.tip.head.timeMs } }))).toBeUndefined()
  expect(codeOf(forged(honest, { head: { timeMs: chain.tip.head.timeMs - 1 } }))).toBe('ARM_BLOCK_HEADER')
  const fresh = world.create()
  fresh.start(1_000)
  for (const shard of [0, 1, 0]) seal(fresh, shard, 2_000)
  const own = hosted(fresh, 1).chain
  const seeing = [0, 1, 2].map((mainHeight) => {
    const block = own.propose(ingredients(fresh, 1, { mainHeight }))
    own.abandon(block)
    const outcome = own.apply(
      block.block,
      knowing((height) => fresh.mainHead(height)),
    )
    if (outcome.ok) own.abandon(outcome.value)
    return outcome.ok ? undefined : outcome.reason.code
  })
  expect(seeing).toEqual(['ARM_BLOCK_PARENT', undefined, undefined])
})

test('no previous, two previous, or another one', () => {
  const [parent] = honest.details.previous as [Uint8Array]
  for (const previous of [[], [parent, parent], [sha256(parent)]])
    expect(codeOf(forged(honest, { details: { previous } }))).toBe('ARM_BLOCK_PARENT')
})

test('transactions left out, repeated, out of order, not includable or malformed', () => {
  const bytes = candidates.map((each) => each.bytes)
  const [first, second, third] = bytes as [Uint8Array, Uint8Array, Uint8Array]
  const stale = prepare(world, 2, { vShard: 2, nonce: 1 }).bytes
  const elsewhere = prepare(world, 2, { vShard: 1 }).bytes
  const cases: readonly (readonly [readonly Uint8Array[], string])[] = [
    [[first, second], 'ARM_BLOCK_STATE'],
    [[third, first, second], 'ARM_BLOCK_STATE'],
    [[...bytes, first], 'ARM_BLOCK_TX'],
    [[second, first, third], 'ARM_BLOCK_TX'],
    [[...bytes, stale], 'ARM_BLOCK_TX'],
    [[...bytes, elsewhere], 'ARM_BLOCK_TX'],
    [[...bytes, new Uint8Array(3)], 'ARM_BLOCK_TX'],
    [[...bytes, first.subarray(1)], 'ARM_BLOCK_TX'],
  ]
  for (const [transactions, code] of cases) expect(codeOf(forged(honest, { body: { transactions } }))).toBe(code)
})

test('every field of an import changed is refused', () => {
  const [item] = honest.imports as [Import]
  for (const [name, value] of Object.entries(item)) {
    const changed = { ...item, [name]: other(value) }
    const code = codeOf(forged(honest, { body: { imports: [changed] } }))
    // A list of no hashes has nothing to change: its one form stays.
    if (Array.isArray(value) && value.length === 0) expect(code, name).toBeUndefined()
    else expect(code, name).toMatch(/^ARM_(IMPORT_PROOF|IMPORT_SEQUENCE|BLOCK_DECODE)$/)
  }
  expect(codeOf(forged(honest, { body: { imports: [] } }))).toBe('ARM_BLOCK_STATE')
})

test('anchors where none may be', () => {
  const anchor = machine.unanchored()[0]?.anchor as Anchor
  expect(codeOf(forged(honest, { body: { anchors: [anchor] } }))).toBe('ARM_ANCHOR')
})

test('imports with more gas than a block takes are refused; a proposer takes what a block does', () => {
  const narrow = createWorld(2, { blocks: { ...blocks, importGas: 600 }, fees })
  const crowded = busyMachine(narrow)
  const target = hosted(crowded, 2).chain
  const [item] = importsOf(crowded, 2) as [Import]
  expect(item.messages).toHaveLength(3)
  const empty = target.propose(ingredients(crowded, 2))
  target.abandon(empty)
  const before = target.state.root()
  const outcome = target.apply(
    forged(empty, { body: { imports: [item] } }),
    knowing((height) => crowded.mainHead(height)),
  )
  expect(outcome).toMatchObject({ ok: false, reason: { code: 'ARM_BLOCK_LIMIT' } })
  expect(target.state.root()).toEqual(before)
  const { sealed } = seal(crowded, 2, 6_000)
  expect(sealed[0]?.executed.imports.flatMap(({ messages }) => messages)).toEqual(item.messages.slice(0, 2))
})

test('any part of a block that is malformed', () => {
  for (const part of ['head', 'details', 'body'] as const) {
    for (const bytes of [new Uint8Array(0), honest.block[part].subarray(1), Uint8Array.of(...honest.block[part], 0)])
      expect(codeOf({ ...honest.block, [part]: bytes })).toBe('ARM_BLOCK_DECODE')
  }
})

test('the main shard: its anchors changed, reordered or left out, and a parent that it has not seen', () => {
  const fresh = world.create()
  fresh.start(1_000)
  for (const shard of [0, 1, 2]) seal(fresh, shard, 2_000)
  const main = fresh.main.chain
  const anchors = fresh.unanchored().map(({ anchor }) => anchor)
  expect(anchors).toHaveLength(2)
  // They have seen the main shard's first block, and are anchored in its second.
  const block = main.propose(ingredients(fresh, 0, { anchors }))
  main.abandon(block)
  const code = (parts: Parameters<typeof forged>[1]) => {
    const before = main.state.root()
    const outcome = main.apply(
      forged(block, parts),
      knowing((height) => fresh.mainHead(height)),
    )
    if (outcome.ok) main.abandon(outcome.value)
    expect(main.state.root()).toEqual(before)
    return outcome.ok ? undefined : outcome.reason.code
  }
  const [one, two] = anchors as [Anchor, Anchor]
  expect(code({})).toBeUndefined()
  expect(code({ body: { anchors: [two, one] } })).toBe('ARM_BLOCK_STATE')
  expect(code({ body: { anchors: [one] } })).toBe('ARM_BLOCK_STATE')
  expect(code({ body: { anchors: [one, one] } })).toBe('ARM_ANCHOR')
  expect(code({ body: { anchors: [{ ...one, certificate: two.certificate }] } })).toBe('ARM_BLOCK_CERTIFICATE')
  expect(code({ head: { committeesRoot: new Uint8Array(32) } })).toBe('ARM_BLOCK_STATE')
  const genesis = fresh.mainHead(0)
  if (genesis === undefined) throw new Error('no genesis head')
  expect(code({ details: { mainHeight: 0, mainHash: genesis.hash } })).toBe('ARM_BLOCK_PARENT')
})

/** More transfers than fit into a block. */
function manyTransfers(): PreparedTransaction[] {
  return Array.from({ length: 1_400 }, (_, i) =>
    prepare(world, i % USERS, { nonce: Math.floor(i / USERS), gasLimit: 1_000, maxFee: 500n }),
  )
}

test('a proposer fills a block up to the size limit, which then grows; a larger body is refused', () => {
  const fresh = world.create()
  fresh.start(1_000)
  const own = hosted(fresh, 1).chain
  const transactions = manyTransfers()
  const full = own.propose(ingredients(fresh, 1, { transactions }))
  expect(full.refused).toEqual([])
  expect(full.block.body.length).toBeLessThanOrEqual(blocks.initialBytes)
  expect(full.block.body.length).toBeGreaterThan(0.99 * blocks.initialBytes)
  own.abandon(full)
  const before = own.state.root()
  const oversized = forged(full, { body: { transactions: transactions.map(({ bytes }) => bytes) } })
  expect(own.apply(oversized, knowing(mainHead))).toMatchObject({ ok: false, reason: { code: 'ARM_BLOCK_LIMIT' } })
  expect(own.state.root()).toEqual(before)
  own.commit(own.propose(ingredients(fresh, 1, { transactions })))
  const next = own.propose(ingredients(fresh, 1, { transactions: transactions.slice(full.transactions.length) }))
  expect(next.details.sizeLimitBytes).toBe(Math.floor(blocks.initialBytes * 1.125))
  expect(next.refused).toEqual([])
  expect(full.transactions.length + next.transactions.length).toBe(transactions.length)
})

test('what does not fit is passed over with all that follows on it, and keeps nobody else out', () => {
  const fresh = world.create()
  fresh.start(1_000)
  const own = hosted(fresh, 1).chain
  const large = prepare(world, 1, { gasLimit: blocks.maxGas, maxFee: 110n })
  const after = prepare(world, 1, { nonce: 1 })
  const [first, last] = [prepare(world, 0), prepare(world, 2)]
  const executed = own.propose(ingredients(fresh, 1, { transactions: [first, large, after, last] }))
  expect(executed.transactions).toEqual([first, last])
  expect(executed.refused).toEqual([])
  own.commit(executed)
  const next = own.propose(ingredients(fresh, 1, { transactions: [large, after] }))
  expect(next.transactions).toEqual([large, after])
})

test('what cannot be included is told, and costs nobody else their place', () => {
  const fresh = world.create()
  fresh.start(1_000)
  const stale = prepare(world, 1, { nonce: 3 })
  const good = prepare(world, 0)
  const executed = hosted(fresh, 1).chain.propose(ingredients(fresh, 1, { transactions: [stale, good] }))
  expect(executed.transactions).toEqual([good])
  expect(executed.refused).toMatchObject([{ prepared: stale, reason: { code: 'ARM_TX_NONCE_GAP' } }])
})

test('anchors fill a main-shard block no further than its limit; the rest waits its turn', () => {
  const fresh = world.create()
  fresh.start(1_000)
  for (let height = 1; height <= 400; height++) seal(fresh, 1, 2_000 + height)
  const anchors = fresh.unanchored().map(({ anchor }) => anchor)
  expect(anchors).toHaveLength(400)
  const main = fresh.main.chain
  const executed = main.propose(ingredients(fresh, 0, { anchors }))
  expect(executed.anchors.length).toBeGreaterThan(100)
  expect(executed.anchors.length).toBeLessThan(400)
  expect(executed.block.body.length).toBeLessThanOrEqual(blocks.initialBytes)
  main.abandon(executed)
  expect(
    main.apply(
      executed.block,
      knowing((height) => fresh.mainHead(height)),
    ).ok,
  ).toBe(true)
  expect(validator.account).toEqual(fresh.main.proposer)
})

test('abandoning a block leaves no trace of it', () => {
  const before = chain.state.root()
  for (let round = 0; round < 3; round++) {
    const executed = chain.propose(
      ingredients(machine, 2, { imports: importsOf(machine, 2), transactions: candidates }),
    )
    expect(executed.block.head).toEqual(honest.block.head)
    expect(chain.state.root()).not.toEqual(before)
    chain.abandon(executed)
    expect(chain.state.root()).toEqual(before)
  }
})
