import { createSoloEngine } from '@armchain/consensus'
import {
  activeEd25519,
  formatShardKey,
  headCodec,
  headHash,
  invariant,
  MESSAGE_BOUNCE,
  type Message,
  messageCodec,
  RECEIPT_MESSAGE,
  sha256,
  toHex,
} from '@armchain/core'
import { auditSupply, ChainMachine, genesisLayout, isMain, type MachineEffect, type SealedBlock } from '@armchain/shard'
import type { Recovered } from './disk.ts'
import type { MessageFact, NodeEffect, NodeInput, SimNode } from './node-port.ts'
import type { Op, Scenario } from './scenario.ts'
import { prepareTransfer, userAccount, wholeChain } from './whole-chain.ts'

const TIMERS_PER_SHARD = 16

/** What a whole node is made of: the shard package, or another in its place. */
export type ShardParts = {
  readonly ChainMachine: typeof ChainMachine
  readonly genesisLayout: typeof genesisLayout
  readonly auditSupply: typeof auditSupply
}

/**
 * A whole node: the chain machine that a real one runs, with every shard, pool and mailbox, under the solo engine. A block
 * is durable in the block store before anything of it is told; a restart replays the store over genesis.
 */
export class ChainNode implements SimNode {
  readonly #machine: ChainMachine
  readonly #audit: typeof auditSupply
  readonly #nonces: Map<string, number> = new Map()

  constructor(scenario: Scenario, parts: ShardParts = { ChainMachine, genesisLayout, auditSupply }) {
    const { genesis, runtime, validator } = wholeChain()
    const { layout, states } = parts.genesisLayout(genesis, runtime.genesisHash)
    this.#audit = parts.auditSupply
    this.#machine = new parts.ChainMachine({
      runtime,
      layout,
      states,
      engines: { solo: createSoloEngine },
      pace: { blockTimeMs: scenario.blockMs, idleMs: 4 * scenario.blockMs, mode: 'timed' },
      signer: () => ({
        index: 0,
        account: validator.account,
        sign: (message) => activeEd25519().sign(message, validator.secretKey),
      }),
    })
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    const told = recovered.blocks.flatMap((record) => {
      const outcome = this.#machine.replay(record)
      invariant(outcome.ok, `the node cannot replay its own block: ${outcome.ok ? '' : outcome.reason.message}`)
      return this.#tell(outcome.value)
    })
    return [...told, ...this.#carryOut(this.#machine.start(nowMs))]
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    if (input.type === 'timer') {
      const shard = Math.floor(input.id / TIMERS_PER_SHARD)
      return this.#carryOut(this.#machine.step(nowMs, { type: 'timer', shard, id: input.id % TIMERS_PER_SHARD }))
    }
    if (input.type === 'op' && input.op.type === 'transfer') return this.#transfer(nowMs, input.op)
    return []
  }

  #transfer(nowMs: number, op: Op & { type: 'transfer' }): readonly NodeEffect[] {
    const hosted = this.#machine.shard(op.from)
    if (hosted === undefined) return []
    const { accounts } = hosted.chain.state
    const onChain = hosted.chain.state.account(accounts.find(userAccount(op.user)))?.nonce ?? 0
    const key = `${op.user}:${op.from}`
    // What waited in the pool is gone with a crash, and with an expiry.
    const nonce = hosted.pool.size === 0 ? onChain : Math.max(onChain, this.#nonces.get(key) ?? 0)
    const prepared = prepareTransfer(op, nonce)
    const outcome = prepared === undefined ? undefined : this.#machine.admit(nowMs, prepared)
    if (outcome?.ok !== true) return []
    this.#nonces.set(key, nonce + 1)
    return this.#carryOut(outcome.value)
  }

  #carryOut(effects: readonly MachineEffect[]): readonly NodeEffect[] {
    return effects.flatMap((effect) => this.#translate(effect))
  }

  #translate(effect: MachineEffect): readonly NodeEffect[] {
    switch (effect.type) {
      case 'append':
        return [{ type: 'block', record: effect.record }]
      case 'timer':
        return [{ type: 'timer', id: effect.shard * TIMERS_PER_SHARD + effect.id, atMs: effect.atMs }]
      case 'sealed':
        return this.#tell(effect.sealed)
      case 'dropped':
        return []
    }
  }

  #tell({ shard, executed }: SealedBlock): readonly NodeEffect[] {
    const { height, hash, head, details } = executed
    const chain = shard.vShard
    const parent = toHex(details.previous[0] ?? new Uint8Array(32))
    const supply = isMain(shard) ? this.#supply(executed) : undefined
    const anchored = executed.anchors.map(({ head: of }) => ({
      shard: of.shard.vShard,
      height: of.height,
      hash: toHex(headHash(headCodec.encode(of))),
    }))
    invariant(head.height === height, 'a block is of the height of its head')
    const name = toHex(hash)
    const messages = messagesOf(executed, formatShardKey(shard))
    return [
      { type: 'fact', fact: { type: 'finalized', chain, height, hash: name, parent, mark: new Uint8Array(0) } },
      {
        type: 'fact',
        fact: { type: 'block', shard: chain, height, hash: name, anchored, messages, ...(supply && { supply }) },
      },
    ]
  }

  #supply({ details }: SealedBlock['executed']): { readonly ok: boolean; readonly totalMotes: bigint } {
    return this.#audit(this.#machine.main.chain.state, details.supply, this.#machine.config.layout)
  }
}

/** Receptions before sendings: a bounce is sent by the block that refuses. */
function messagesOf({ imports, outbox, receipts }: SealedBlock['executed'], self: string): readonly MessageFact[] {
  const { runtime } = wholeChain()
  const bounces = new Map<string, string>()
  for (const bytes of receipts) {
    const receipt = runtime.receipts.decode(bytes)
    const [bounce] = receipt.messages
    if (receipt.kind === RECEIPT_MESSAGE && !receipt.ok && bounce !== undefined)
      bounces.set(toHex(receipt.id), `${self}>${formatShardKey(bounce.destination)}#${bounce.seq}`)
  }
  const received = imports.flatMap(({ messages }) =>
    messages.map((bytes): MessageFact => {
      const { channel, seq } = placeOf(messageCodec.decode(bytes))
      const bounce = bounces.get(toHex(sha256(bytes)))
      return { what: 'received', channel, seq, ...(bounce !== undefined && { bounce }) }
    }),
  )
  const sent = outbox.batches.flatMap(({ messages }) =>
    messages.map((bytes): MessageFact => {
      const message = messageCodec.decode(bytes)
      return { what: 'sent', ...placeOf(message), bounce: message.kind === MESSAGE_BOUNCE }
    }),
  )
  return [...received, ...sent]
}

function placeOf({ source, destination, seq }: Message): { readonly channel: string; readonly seq: number } {
  return { channel: `${formatShardKey(source)}>${formatShardKey(destination)}`, seq }
}
