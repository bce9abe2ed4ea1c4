import type { EngineFactory } from '@armchain/consensus'
import { invariant, type Runtime, toHex } from '@armchain/core'
import {
  auditSupply,
  ChainMachine,
  type EngineLog,
  genesisLayout,
  isMain,
  type MachineEffect,
  type MachineInput,
  type SealedBlock,
} from '@armchain/shard'
import { factsOf } from './chain-facts.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import type { Recovered } from './disk.ts'
import { CANDIDATES_AT_REST_MAX, CANDIDATES_MAX, QUESTIONS_MAX, UNEXECUTED_MAX } from './limits.ts'
import type { NodeEffect, NodeInput, QueueSize, SimNode } from './node-port.ts'
import type { Op, Scenario } from './scenario.ts'
import { prepare, prepareTransfer, type Signatures, userAccount, type WholeChain, wholeChain } from './whole-chain.ts'
import { frame, guardCodec, readShell, ShellKind, type ShellMessage, shellCodec, unframe } from './whole-wire.ts'

const TIMERS_PER_SHARD = 16
const SYNC_TIMER = 1 << 20
/** Milliseconds between looks at which shards have stood still, and for how long one may before a peer is asked. */
const SYNC_EVERY_MS = 1_000
const STALLED_MS = 8_000
/** In the calm a message, and its bounce, have arrived by then. */
const DELIVERED_MS = 25_000
/** Blocks sent in one answer. */
const RANGE_MAX = 32

/** What a whole node is made of: the shard package, or another in its place. */
export type ShardParts = {
  readonly ChainMachine: typeof ChainMachine
  readonly genesisLayout: typeof genesisLayout
  readonly auditSupply: typeof auditSupply
}

export type ChainNodeOptions = {
  readonly scenario: Scenario
  readonly keys: ClusterKeys
  readonly factory: EngineFactory
  readonly seat: number
  /** What nodes have checked of signatures, once for all of them. */
  readonly signatures: Signatures
  readonly parts?: ShardParts | undefined
}

/**
 * A whole node: the chain machine that a real one runs, with every shard, pool and mailbox, and the engine of each. Final
 * blocks are durable in the block store, records of engines in the log, before anything of them is told; a restart
 * replays the store over genesis. Transactions go to every node; final blocks that a node lacks it asks of others.
 */
export class ChainNode implements SimNode {
  readonly #options: ChainNodeOptions
  readonly #chain: WholeChain
  readonly #machine: ChainMachine
  readonly #audit: typeof auditSupply
  readonly #nonces: Map<string, number> = new Map()
  /** Final blocks of each shard, from height 1 on. */
  readonly #blocks: Map<number, Uint8Array[]> = new Map()
  /** Records of each shard's engine that still count. */
  readonly #records: Map<number, Uint8Array[]> = new Map()
  readonly #guard: Map<number, number> = new Map()
  readonly #lastBlockMs: Map<number, number> = new Map()
  /** When a block that sends messages was last executed. */
  #lastSentMs = 0
  #asked = 0
  #nowMs = 0

  constructor(options: ChainNodeOptions) {
    const { scenario, keys, factory, seat, parts = { ChainMachine, genesisLayout, auditSupply } } = options
    const { engine, nodes, blockMs, deltaMs } = scenario
    this.#options = options
    this.#chain = wholeChain(engine, nodes)
    const { genesis, runtime, validators } = this.#chain
    const { layout, states } = parts.genesisLayout(genesis, runtime.genesisHash)
    this.#audit = parts.auditSupply
    const account = validators[seat]?.account ?? new Uint8Array(32)
    this.#machine = new parts.ChainMachine({
      runtime,
      // The committee of the scenario: its weights, and signatures that cost little.
      layout: { ...layout, shards: layout.shards.map((shard) => ({ ...shard, committee: keys.committee })) },
      states,
      engines: { [engine]: factory },
      pace: { blockTimeMs: blockMs, idleMs: 4 * blockMs, mode: 'timed' },
      timing: { deltaMs, deltaMaxMs: 16 * deltaMs, skipAfterMs: 20 * deltaMs },
      signer: () => ({ index: seat, account, sign: (message) => keys.sign(seat, message) }),
    })
    for (const { vShard } of this.#machine.shards) {
      this.#blocks.set(vShard, [])
      this.#records.set(vShard, [])
    }
  }

  get machine(): ChainMachine {
    return this.#machine
  }

  get runtime(): Runtime {
    return this.#chain.runtime
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    this.#nowMs = nowMs
    const told = recovered.blocks.flatMap((framed) => this.#replay(framed))
    for (const framed of recovered.records) this.#recordsOf(framed)
    const guard = recovered.guard === undefined ? undefined : guardCodec.decode(recovered.guard)
    for (const { shard, view } of guard?.views ?? []) this.#guard.set(shard, view)
    const logs = new Map<number, EngineLog>()
    for (const { vShard } of this.#machine.shards) {
      this.#lastBlockMs.set(vShard, nowMs)
      const records = this.#records.get(vShard) as Uint8Array[]
      const guardView = this.#guard.get(vShard)
      // A guard that names no view of a shard says that its engine has not voted.
      const amnesia = guard === undefined ? {} : { guardView: guardView ?? 0 }
      logs.set(vShard, recovered.damaged ? { records, amnesia } : { records })
    }
    if (recovered.damaged) told.push({ type: 'fact', fact: { type: 'quarantined' } })
    if (this.#options.scenario.nodes > 1) told.push({ type: 'timer', id: SYNC_TIMER, atMs: nowMs + SYNC_EVERY_MS })
    return [...told, ...this.#carryOut(this.#machine.start(nowMs, logs))]
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    this.#nowMs = nowMs
    switch (input.type) {
      case 'timer': {
        if (input.id === SYNC_TIMER) return this.#lookAround()
        const shard = Math.floor(input.id / TIMERS_PER_SHARD)
        return this.#feed({ type: 'timer', shard, id: input.id % TIMERS_PER_SHARD })
      }
      case 'message':
        if (input.lane === 'engine') return this.#feed({ type: 'message', from: input.from, ...unframe(input.bytes) })
        return this.#hear(input.from, input.bytes)
      case 'op':
        return input.op.type === 'transfer' ? this.#transfer(input.op) : []
    }
  }

  /** Of what comes from outside, no more may wait than clients have sent; blocks, no more than engines hold. */
  sizes(): readonly QueueSize[] {
    const ops = this.#options.scenario.ops.length
    // A client's transaction may come to light late, when an adversary sends it again.
    const kept = !this.#machine.mailbox.empty && this.#nowMs - this.#lastSentMs > DELIVERED_MS
    const mailbox = { name: 'mailbox', size: kept ? 1 : 0, limit: 1, restLimit: 0 }
    const queues = this.#machine.shards.flatMap((hosted) => {
      const { vShard, chain, pool, questions, unexecuted, descriptor, engine } = hosted
      const waiting = this.#machine.mailbox.waiting(descriptor.key, (source) => hosted.cursor(source))
      const of = (name: string, size: number, limit: number): QueueSize => ({
        name: `vShard ${vShard} ${name}`,
        size,
        limit,
      })
      return [
        ...(engine.sizes?.() ?? []).map(({ name, size, limit }) => of(name, size, limit)),
        of('pool', pool.size, ops),
        // Each operation sends one, which may come back.
        of('messages', waiting, 2 * ops),
        { ...of('candidates', chain.candidates, CANDIDATES_MAX), restLimit: CANDIDATES_AT_REST_MAX },
        { ...of('questions', questions.size, QUESTIONS_MAX), restLimit: CANDIDATES_AT_REST_MAX },
        of('unexecuted', unexecuted.length, UNEXECUTED_MAX),
      ]
    })
    return [mailbox, ...queues]
  }

  #feed(input: MachineInput): readonly NodeEffect[] {
    return this.#carryOut(this.#machine.step(this.#nowMs, input))
  }

  #replay(framed: Uint8Array): NodeEffect[] {
    const { shard, bytes } = unframe(framed)
    const outcome = this.#machine.replay(bytes)
    invariant(outcome.ok, `the node cannot replay its own block: ${outcome.ok ? '' : outcome.reason.message}`)
    this.#blocks.get(shard)?.push(bytes)
    return outcome.value.flatMap((sealed) => this.#tell(sealed))
  }

  #recordsOf(framed: Uint8Array): void {
    const { shard, bytes } = unframe(framed)
    this.#records.get(shard)?.push(bytes)
  }

  #transfer(op: Op & { type: 'transfer' }): readonly NodeEffect[] {
    const hosted = this.#machine.shard(op.from)
    if (hosted === undefined) return []
    const { accounts } = hosted.chain.state
    const onChain = hosted.chain.state.account(accounts.find(userAccount(op.user)))?.nonce ?? 0
    const key = `${op.user}:${op.from}`
    // What waited in the pool is gone with a crash, and with an expiry.
    const nonce = hosted.pool.size === 0 ? onChain : Math.max(onChain, this.#nonces.get(key) ?? 0)
    const prepared = prepareTransfer(this.#chain.runtime, op, nonce)
    const outcome = prepared === undefined ? undefined : this.#machine.admit(this.#nowMs, prepared)
    if (prepared === undefined || outcome?.ok !== true) return []
    this.#nonces.set(key, nonce + 1)
    return [
      ...this.#shell('all', { kind: ShellKind.transactions, shard: op.from, fromHeight: 0, items: [prepared.bytes] }),
      ...this.#carryOut(outcome.value),
    ]
  }

  #hear(from: number, bytes: Uint8Array): readonly NodeEffect[] {
    const message = readShell(bytes)
    if (message === undefined) return []
    const { kind, shard, fromHeight, items } = message
    if (kind === ShellKind.transactions) return items.flatMap((item) => this.#admit(item))
    if (kind === ShellKind.blocks) return this.#feed({ type: 'blocks', shard, from, blocks: items })
    const first = Math.max(0, fromHeight - 1)
    const blocks = this.#blocks.get(shard)?.slice(first, first + RANGE_MAX) ?? []
    return kind !== ShellKind.wantBlocks || blocks.length === 0
      ? []
      : this.#shell(from, { kind: ShellKind.blocks, shard, fromHeight, items: blocks })
  }

  #admit(bytes: Uint8Array): readonly NodeEffect[] {
    const prepared = prepare(this.#chain.runtime, bytes)
    if (prepared === undefined || !this.#options.signatures(prepared)) return []
    const outcome = this.#machine.admit(this.#nowMs, prepared)
    return outcome.ok ? this.#carryOut(outcome.value) : []
  }

  #lookAround(): readonly NodeEffect[] {
    const stalled = this.#machine.shards.filter(
      ({ vShard }) => this.#nowMs - (this.#lastBlockMs.get(vShard) ?? 0) > STALLED_MS,
    )
    return [
      { type: 'timer', id: SYNC_TIMER, atMs: this.#nowMs + SYNC_EVERY_MS },
      ...stalled.flatMap(({ vShard }) => this.#request(vShard)),
    ]
  }

  /** Asks the next peer in turn for the blocks that follow. */
  #request(shard: number): readonly NodeEffect[] {
    const { scenario, seat } = this.#options
    const to = (seat + 1 + (this.#asked++ % (scenario.nodes - 1))) % scenario.nodes
    const fromHeight = (this.#machine.shard(shard)?.final.height ?? 0) + 1
    return this.#shell(to, { kind: ShellKind.wantBlocks, shard, fromHeight, items: [] })
  }

  #shell(to: number | 'all', message: ShellMessage): readonly NodeEffect[] {
    return this.#options.scenario.nodes === 1
      ? []
      : [{ type: 'send', to, lane: 'shell', bytes: shellCodec.encode(message) }]
  }

  #carryOut(effects: readonly MachineEffect[]): readonly NodeEffect[] {
    return effects.flatMap((effect) => this.#translate(effect))
  }

  #translate(effect: MachineEffect): readonly NodeEffect[] {
    switch (effect.type) {
      case 'append':
        this.#blocks.get(effect.shard)?.push(effect.record)
        this.#lastBlockMs.set(effect.shard, this.#nowMs)
        return [{ type: 'block', record: frame(effect.shard, effect.record) }]
      case 'record':
        return this.#record(effect)
      case 'checkpoint': {
        this.#records.set(effect.shard, [...effect.records])
        const all = [...this.#records].flatMap(([shard, records]) => records.map((record) => frame(shard, record)))
        return [{ type: 'checkpoint', records: all }]
      }
      case 'timer':
        return [{ type: 'timer', id: effect.shard * TIMERS_PER_SHARD + effect.id, atMs: effect.atMs }]
      case 'send':
        return [{ type: 'send', to: effect.to, lane: 'engine', bytes: frame(effect.shard, effect.bytes) }]
      case 'check':
        return this.#feed({
          type: 'checked',
          shard: effect.shard,
          headHash: effect.headHash,
          valid: effect.transactions.every(this.#options.signatures),
        })
      case 'fetch':
        return this.#request(effect.shard)
      case 'sealed':
        return this.#tell(effect.sealed)
      case 'halted':
        return [{ type: 'fact', fact: { type: 'halted', reason: `vShard ${effect.shard}: ${effect.reason}` } }]
      case 'evidence':
        return [{ type: 'fact', fact: { type: 'evidence', bytes: effect.bytes, chain: effect.shard } }]
      case 'misconduct': {
        const { peer, reason, shard: chain } = effect
        return [{ type: 'fact', fact: { type: 'misconduct', peer, reason, chain } }]
      }
      case 'dropped':
        return []
    }
  }

  #record({ shard, record, guardView }: MachineEffect & { type: 'record' }): readonly NodeEffect[] {
    this.#records.get(shard)?.push(record)
    const append: NodeEffect = { type: 'append', record: frame(shard, record) }
    if (guardView === undefined) return [append]
    this.#guard.set(shard, guardView)
    const views = [...this.#guard].map(([of, view]) => ({ shard: of, view }))
    return [append, { type: 'guard', bytes: guardCodec.encode({ views }) }]
  }

  #tell(sealed: SealedBlock): readonly NodeEffect[] {
    const { main, config } = this.#machine
    const { executed, shard } = sealed
    if (executed.outbox.batches.length > 0) this.#lastSentMs = this.#nowMs
    // Of several blocks at once, the state is that of the last.
    const auditable = isMain(shard) && toHex(main.chain.tip.hash) === toHex(executed.hash)
    const supply = auditable ? this.#audit(main.chain.state, executed.details.supply, config.layout) : undefined
    return factsOf(this.#chain.runtime, sealed, supply)
  }
}
