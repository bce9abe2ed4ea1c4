import {
  blsKeysFromSeed,
  blsValidator,
  decodeEvidence,
  type Evidence,
  encodeEvidence,
  evidenceId,
  FINALIZE,
  NOTARIZE,
  NULLIFY,
  statementsOf,
  type VoteKind,
  voteSigner,
} from '@armchain/consensus'
import {
  activeEd25519,
  type Call,
  type CertificateKind,
  ed25519Validators,
  type KeyPair,
  keyPairFromSecret,
  limits,
  type PreparedTransaction,
  prepareTransaction,
  type Receipt,
  type ShardKey,
  type ShardScheme,
  sha256,
  transactionId,
  transactionMessage,
  utf8,
  wholeShard,
} from '@armchain/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { genesisTip, ShardChain } from './chain.ts'
import { isReported, type OffencesPage, readOffences, reportArgsCodec } from './evidence-module.ts'
import { EVIDENCE_GAS_LIMIT, evidenceTransaction, reportCall } from './evidence-transaction.ts'
import type { MainHead } from './imports.ts'
import type { ShardDescriptor } from './layout.ts'
import { evidenceOfTwins } from './twins.fixture.ts'
import { createWorld, knowing, prepare, users, validator, type World } from './world.fixture.ts'

const SHARD = wholeShard(1)
const pairs = ['a', 'b', 'c', 'd'].map((name) => keyPairFromSecret(sha256(utf8(name))))
const blsKeys = pairs.map(({ secretKey }) => blsKeysFromSeed(secretKey))
const signersOf = (certificates: CertificateKind) =>
  pairs.map(({ secretKey }, i) =>
    voteSigner(certificates, { secretKey, blsSecretKey: (blsKeys[i] as (typeof blsKeys)[number]).secretKey }),
  )

/** A main shard of one validator, and a vShard of four. */
function worldOf(certificates: CertificateKind): World {
  const main: ShardScheme = { vShard: 0, engine: 'solo', ...ed25519Validators([validator.publicKey]) }
  const seats =
    certificates === 'ed25519'
      ? ed25519Validators(pairs.map(({ publicKey }) => publicKey))
      : {
          certificates,
          validators: pairs.map(({ publicKey }, i) => blsValidator(publicKey, blsKeys[i] as (typeof blsKeys)[number])),
        }
  return createWorld(1, { shards: [main, { vShard: 1, engine: 'simplex', ...seats }] })
}

const world = worldOf('ed25519')

/** Two nodes on the main shard: one makes blocks, the other checks each and comes to the same state. */
class MainShard {
  readonly world: World
  readonly maker: ShardChain
  readonly checker: ShardChain
  readonly #heads: Map<number, MainHead> = new Map()

  constructor(of: World) {
    this.world = of
    const { runtime, layout } = of
    const descriptor = layout.shards[0] as ShardDescriptor
    const create = () => new ShardChain({ runtime, layout, descriptor }, of.states()[0] as never)
    this.maker = create()
    this.checker = create()
    this.#remember(genesisTip(descriptor))
  }

  /** Receipts of a block of these transactions. */
  block(...transactions: readonly PreparedTransaction[]): Receipt[] {
    const { maker, checker } = this
    const mainHeight = maker.tip.height
    const mainHead = (height: number) => this.#heads.get(height)
    const place = { timeMs: 5_000, view: mainHeight + 1, epoch: 0, mainHeight, mainHead }
    const empty = { imports: [], anchors: [], congestion: 0, proposer: validator.account }
    const made = maker.propose({ ...place, ...empty, transactions })
    expect(made.refused).toEqual([])
    const checked = checker.apply(made.block, knowing(mainHead))
    if (!checked.ok) throw new Error(checked.reason.message)
    maker.commit(made)
    checker.commit(checked.value)
    this.#remember(maker.tip)
    return made.receipts.map((bytes) => this.world.runtime.receipts.decode(bytes))
  }

  /** The receipt of a report in a block of its own. */
  report(evidence: Uint8Array, { user = 0, shard = SHARD }: { user?: number; shard?: ShardKey } = {}): Receipt {
    return this.block(this.prepared(reportCall({ shard, evidence }), user))[0] as Receipt
  }

  prepared(call: Call, user = 0): PreparedTransaction {
    const { accounts } = this.maker.state
    const nonce = accounts.nonce(accounts.find((users[user] as KeyPair).account))
    return prepare(this.world, user, { vShard: 0, nonce, call, gasLimit: EVIDENCE_GAS_LIMIT })
  }

  offences(from = 0, limit = 100): OffencesPage {
    const page = readOffences(this.checker.state, { from, limit })
    expect(readOffences(this.maker.state, { from, limit })).toEqual(page)
    return page
  }

  #remember({ height, hash, head }: ShardChain['tip']): void {
    this.#heads.set(height, { hash, shardTopsRoot: head.shardTopsRoot, outboxRoot: head.outboxRoot })
  }
}

const link = (byte: number) => new Uint8Array(32).fill(byte)

type Ballot = { readonly kind: VoteKind; readonly view: number; readonly link?: Uint8Array | undefined }

/** A vote of a seat as it would be cast, on this chain unless told otherwise. */
function vote(
  seat: number,
  { kind, view, link: on }: Ballot,
  where: { shard?: ShardKey; genesisHash?: Uint8Array } = {},
) {
  const place = { genesisHash: world.layout.genesisHash, schemaVersion: 1, shard: SHARD, epoch: 0, ...where }
  const sign = signersOf('ed25519')[seat] as (message: Uint8Array) => Uint8Array
  return { kind, link: on, signature: sign(statementsOf(place)(kind, view, on)) }
}

const at = { epoch: 0, view: 9, signer: 1 }
const one = vote(1, { kind: NOTARIZE, view: 9, link: link(1) })
const two = vote(1, { kind: NOTARIZE, view: 9, link: link(2) })
const three = vote(1, { kind: NOTARIZE, view: 9, link: link(3) })
const proof = encodeEvidence(at, [one, two])

describe.each<CertificateKind>(['ed25519', 'bls'])('a twin under %s certificates', (certificates) => {
  test('signs two votes, which become an offence on the main shard that every node verifies', () => {
    const of = worldOf(certificates)
    const shard = of.layout.shards[1] as ShardDescriptor
    const signers = signersOf(certificates)
    const told = evidenceOfTwins({ layout: of.layout, shard, signers, twinSeat: 3, endMs: 400 })
    // Each of the three others has found it out by itself.
    expect(told.length).toBeGreaterThanOrEqual(3)
    const main = new MainShard(of)
    const evidence = told[0] as Uint8Array
    const claim = decodeEvidence(evidence)
    if (!claim.ok) throw new Error(claim.reason.message)
    expect(isReported(main.checker.state, SHARD, claim.value)).toBe(false)
    const receipt = main.report(evidence)
    expect(receipt).toMatchObject({ ok: true, code: '' })
    expect(receipt.gasUsed).toBeGreaterThan(certificates === 'bls' ? 7_800 : 600)
    const offence = {
      shard: SHARD,
      epoch: 0,
      view: claim.value.view,
      seat: 3,
      validator: (pairs[3] as KeyPair).publicKey,
      offence: 'double-notarize',
      id: evidenceId(claim.value),
      height: 1,
      reporter: (users[0] as KeyPair).account,
      txId: receipt.id,
    }
    expect(main.offences()).toEqual({ total: 1, offences: [offence] })
    expect(isReported(main.checker.state, SHARD, claim.value)).toBe(true)
    const [event] = receipt.events
    expect(event).toMatchObject({ module: 'evidence', name: 'reported' })
    expect(of.runtime.event('evidence', 'reported')?.decode(event?.data as Uint8Array)).toEqual(offence)
    // What the others found is of the same views: recorded once each.
    const views = new Set<number>([claim.value.view])
    for (const bytes of told.slice(1)) {
      const other = decodeEvidence(bytes)
      if (!other.ok) throw new Error(other.reason.message)
      expect(main.report(bytes, { user: 1 }).code).toBe(views.has(other.value.view) ? 'ARM_EVIDENCE_KNOWN' : '')
      views.add(other.value.view)
    }
    expect(main.offences().total).toBe(views.size)
  })
})

test('one offence counts once, whatever pair of votes shows it; in one block as in two', () => {
  const main = new MainShard(world)
  const calls = [proof, encodeEvidence(at, [one, three])].map((evidence) => reportCall({ shard: SHARD, evidence }))
  const receipts = main.block(...calls.map((call, user) => main.prepared(call, user)))
  expect(receipts.map(({ code }) => code)).toEqual(['', 'ARM_EVIDENCE_KNOWN'])
  expect(main.report(encodeEvidence(at, [two, three]), { user: 2 }).code).toBe('ARM_EVIDENCE_KNOWN')
  expect(main.offences().total).toBe(1)
})

test('pages go on where the last one ended, and end', () => {
  const main = new MainShard(world)
  const views = [1, 2, 3, 4, 5]
  for (const view of views) {
    const votes = [1, 2].map((byte) => vote(2, { kind: FINALIZE, view, link: link(byte) }))
    expect(main.report(encodeEvidence({ epoch: 0, view, signer: 2 }, votes as never)).ok).toBe(true)
  }
  const pageOf = (from: number, limit: number) => main.offences(from, limit).offences.map(({ view }) => view)
  expect([pageOf(0, 2), pageOf(2, 2), pageOf(4, 2), pageOf(5, 2), pageOf(0, 0)]).toEqual([[1, 2], [3, 4], [5], [], []])
  expect(main.offences(3, 1).total).toBe(5)
})

const forged = { ...two, signature: one.signature }
const nullify = vote(1, { kind: NULLIFY, view: 9 })
const finalize = vote(1, { kind: FINALIZE, view: 9, link: link(1) })
const elsewhere = { shard: wholeShard(0) }
const foreign = { genesisHash: link(7) }
const abroad = (where: { shard?: ShardKey; genesisHash?: Uint8Array }) =>
  [1, 2].map((byte) => vote(1, { kind: NOTARIZE, view: 9, link: link(byte) }, where)) as [typeof one, typeof two]
const evidenceOf = (votes: readonly [Evidence['voteA'], Evidence['voteB']], parts: Partial<typeof at> = {}) =>
  encodeEvidence({ ...at, ...parts }, votes)

const refused: Record<string, readonly [evidence: Uint8Array, shard?: ShardKey]> = {
  'what a correct validator signs: notarize and finalize': [evidenceOf([one, finalize])],
  'what a correct validator signs: notarize and nullify': [evidenceOf([one, nullify])],
  'one vote twice': [evidenceOf([one, one])],
  'a vote that nobody signed': [evidenceOf([one, forged])],
  'votes of another view': [evidenceOf([one, two], { view: 8 })],
  'votes of another validator': [evidenceOf([one, two], { signer: 2 })],
  'a seat that there is not': [evidenceOf([one, two], { signer: 4 })],
  'an epoch that there is not': [evidenceOf([one, two], { epoch: 1 })],
  'votes of another shard': [evidenceOf(abroad(elsewhere))],
  'votes told to be of another shard': [proof, wholeShard(0)],
  'a shard that there is not': [proof, wholeShard(2)],
  'a part of a shard that there is not': [proof, { ...SHARD, prefix: 1n << 62n }],
  'a shard before it was born': [proof, { ...SHARD, born: 1 }],
  'votes of another chain': [evidenceOf(abroad(foreign))],
  'bytes after it': [Uint8Array.of(...proof, 0)],
  'bytes missing': [proof.subarray(1)],
  nothing: [new Uint8Array(0)],
}

test.each(Object.entries(refused))('refused: %s', (_, [evidence, shard]) => {
  const main = new MainShard(world)
  const receipt = main.report(evidence, { ...(shard && { shard }) })
  expect(receipt).toMatchObject({ ok: false, code: 'ARM_EVIDENCE', events: [] })
  expect(receipt.fee).toBeGreaterThan(0n)
  expect(main.offences()).toEqual({ total: 0, offences: [] })
  // And nothing of it stands in the way of what is true.
  expect(main.report(proof).ok).toBe(true)
})

test('any bit changed is refused', () => {
  const main = new MainShard(world)
  fc.assert(
    fc.property(fc.nat(proof.length - 1), fc.nat(7), (byte, bit) => {
      const changed = proof.slice()
      changed[byte] = (changed[byte] as number) ^ (1 << bit)
      expect(main.report(changed).code).toBe('ARM_EVIDENCE')
    }),
    { numRuns: 150 },
  )
  expect(main.offences().total).toBe(0)
})

test('larger than any evidence is: refused before it reaches a block', () => {
  expect(() => reportCall({ shard: SHARD, evidence: new Uint8Array(321) })).toThrow('ARM_CODEC_VALUE')
  const longest = reportArgsCodec.encode({ shard: SHARD, evidence: new Uint8Array(320) })
  const args = Uint8Array.of(...longest, 0)
  args[args.length - 322] = 0x41
  const call = { module: 'evidence', method: 'report', args }
  expect(args.length).toBeLessThan(limits.CALL_ARGS_BYTES_MAX)
  expect(() => prepare(world, 0, { vShard: 0, call, gasLimit: EVIDENCE_GAS_LIMIT })).toThrow('arguments do not fit')
})

test('reports are for the main shard, and pay for the signatures before they are checked', () => {
  const { runtime, layout } = world
  const chain = new ShardChain(
    { runtime, layout, descriptor: layout.shards[1] as ShardDescriptor },
    world.states()[1] as never,
  )
  const call = reportCall({ shard: SHARD, evidence: proof })
  const executed = chain.propose({
    ...{ timeMs: 5_000, view: 1, epoch: 0, mainHeight: 0, mainHead: () => undefined, congestion: 0 },
    ...{ imports: [], anchors: [], proposer: validator.account },
    transactions: [prepare(world, 0, { vShard: 1, call, gasLimit: EVIDENCE_GAS_LIMIT })],
  })
  expect(runtime.receipts.decode(executed.receipts[0] as Uint8Array).code).toBe('ARM_CALL_SHARD')
  const main = new MainShard(world)
  const { intrinsicGas } = main.prepared(call)
  const short = prepare(world, 0, { vShard: 0, call, gasLimit: intrinsicGas + 500 })
  expect(main.block(short)[0]).toMatchObject({ ok: false, code: 'ARM_CALL_GAS', gasUsed: intrinsicGas + 500 })
})

test('whatever two votes are reported, those that contradict are recorded, once', () => {
  const kinds: readonly VoteKind[] = [NOTARIZE, NULLIFY, FINALIZE]
  const ballot = fc.record({ kind: fc.constantFrom(...kinds), link: fc.constantFrom(1, 2) })
  const report = fc.record({ seat: fc.nat(3), view: fc.constantFrom(1, 2), first: ballot, second: ballot })
  fc.assert(
    fc.property(fc.array(report, { maxLength: 12 }), (reports) => {
      const main = new MainShard(world)
      const known = new Set<string>()
      for (const { seat, view, first, second } of reports) {
        const votes = [first, second].map(({ kind, link: byte }) =>
          vote(seat, { kind, view, link: kind === NULLIFY ? undefined : link(byte) }),
        )
        const { code } = main.report(encodeEvidence({ epoch: 0, view, signer: seat }, votes as never))
        const both = [first.kind, second.kind].sort().join()
        const contradict =
          both === [NULLIFY, FINALIZE].join() ||
          (first.kind === second.kind && first.kind !== NULLIFY && first.link !== second.link)
        const name = `${seat} ${view} ${both}`
        // What is recorded is refused as known before anyone looks at the votes again.
        expect(code).toBe(known.has(name) ? 'ARM_EVIDENCE_KNOWN' : contradict ? '' : 'ARM_EVIDENCE')
        if (contradict) known.add(name)
      }
      expect(main.offences().total).toBe(known.size)
    }),
    { numRuns: 25 },
  )
})

test('a node reports with a transaction that its chain takes', () => {
  const { runtime } = world
  const { publicKey, secretKey, account } = users[3] as KeyPair
  const sign = (message: Uint8Array) => activeEd25519().sign(message, secretKey)
  const sender = { publicKey, sign, nonce: 0, baseFee: 100n, height: 0 }
  const bytes = evidenceTransaction(runtime, { shard: SHARD, evidence: proof }, sender)
  const message = transactionMessage(runtime.txDomain, bytes)
  expect(activeEd25519().verify({ publicKey, message, signature: bytes.subarray(-64) })).toBe(true)
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), account)
  if (!prepared.ok) throw new Error(prepared.reason.message)
  const main = new MainShard(world)
  expect(main.block(prepared.value)[0]?.ok).toBe(true)
  expect(main.offences().offences[0]).toMatchObject({ reporter: account, txId: transactionId(bytes) })
})
