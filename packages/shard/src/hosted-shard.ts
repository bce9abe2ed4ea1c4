import {
  type BlockAt,
  type Committee,
  type ConsensusEngine,
  type EngineFactory,
  type Pace,
  type Timing,
  weightedElector,
} from '@armchain/consensus'
import {
  accountIdOf,
  type Block,
  invariant,
  type KernelState,
  type Runtime,
  readInbox,
  readKernelState,
  type ShardKey,
  type ShardState,
  toHex,
  type Validator,
} from '@armchain/core'
import type { CertifiedHeads } from './certified-heads.ts'
import { ShardChain, type Tip } from './chain.ts'
import type { Layout, ShardDescriptor } from './layout.ts'
import { commitsTo } from './payload.ts'
import type { ReadBlock } from './read-block.ts'
import { type PoolLimits, TxPool } from './tx-pool.ts'

/** Signs for a validator: its seat in the shard's committee, and the account that a block names as proposer. */
export type Signer = {
  readonly index: number
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly account: Uint8Array
}

export type HostedParts = {
  readonly runtime: Runtime
  readonly layout: Layout
  readonly engines: Readonly<Record<string, EngineFactory>>
  readonly pace: Pace
  /** Bounds on message delays; the engines' own if left out. */
  readonly timing?: Timing
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  readonly poolLimits?: PoolLimits
  /** Where the machine keeps what became final in it. */
  readonly certified?: CertifiedHeads
}

/** The last block that is final here, executed or not. */
export type FinalTip = { readonly height: number; readonly hash: Uint8Array; readonly certificate?: Uint8Array }

/** A final block that waits to be executed. */
export type FinalBlock = { readonly height: number; readonly hash: Uint8Array; readonly block: Block }

/** What an engine has asked about a block, and is not answered yet. */
export type Question = BlockAt & {
  readonly type: 'verified' | 'certified'
  read?: ReadBlock
  /** Signatures that were not known to hold: whether the shell has been asked, and what it found. */
  signatures?: 'asked' | 'valid' | 'invalid'
}

/** One shard as this node runs it. */
export class HostedShard {
  readonly descriptor: ShardDescriptor
  readonly chain: ShardChain
  readonly pool: TxPool
  readonly engine: ConsensusEngine
  readonly committee: Committee
  /** The account that own blocks name as proposer. */
  readonly proposer: Uint8Array
  readonly epoch: number
  final: FinalTip
  /** Certificate of the tip; absent at genesis. */
  certificate: Uint8Array | undefined
  /** Final blocks that have seen main-shard blocks which this node has not. */
  readonly unexecuted: FinalBlock[] = []
  readonly questions: Map<string, Question> = new Map()
  /** True while the engine knows that there is work. */
  told = false
  readonly #leader: (view: number) => number

  constructor(parts: HostedParts, descriptor: ShardDescriptor, state: ShardState, tip?: Tip) {
    const { runtime, layout, engines, pace, timing, signer, poolLimits, certified } = parts
    const { engine, genesisHeadHash, key } = descriptor
    const factory = engines[engine]
    invariant(factory !== undefined, `no consensus engine "${engine}"`)
    this.descriptor = descriptor
    this.chain = new ShardChain({ runtime, layout, descriptor, certified }, state, tip)
    this.pool = new TxPool(state, key.vShard, poolLimits)
    this.committee = descriptor.committee
    const { genesisHash, schemaVersion } = layout
    this.epoch = 0
    const elector = weightedElector(this.committee, genesisHash)
    this.#leader = (view) => elector.leader(view)
    const self = signer(descriptor)
    this.proposer = self?.account ?? new Uint8Array(32)
    this.final = this.chain.tip
    this.engine = factory({
      genesisHash,
      shard: key,
      schemaVersion,
      // Layouts are fixed: one epoch, from genesis, without an end.
      epoch: { number: this.epoch, startHeight: 0, startHash: genesisHeadHash, seed: genesisHash },
      committee: this.committee,
      elector,
      commits: (head, payload) => commitsTo(runtime, head, payload),
      pace,
      ...(timing && { timing }),
      ...(self && { self }),
    })
  }

  get vShard(): number {
    return this.descriptor.key.vShard
  }

  /** What the kernel keeps of the shard, as of where the state stands. */
  get kernel(): KernelState {
    const state = readKernelState(this.chain.state)
    invariant(state !== undefined, 'a state without genesis')
    return state
  }

  /** Main-shard height that the tip has seen. */
  get mainHeightSeen(): number {
    return this.kernel.mainHeight
  }

  /** The account that a block of a view has to name as its proposer. */
  leaderAccount(view: number): Uint8Array {
    return accountIdOf((this.descriptor.validators[this.#leader(view)] as Validator).publicKey)
  }

  /** Next message expected from a source, as of where the state stands. */
  cursor(source: ShardKey): number {
    return readInbox(this.chain.state, source, this.descriptor.key.prefix).next
  }

  /** Keeps a question until it can be answered. */
  ask(question: Question): void {
    this.questions.set(`${question.type} ${question.view} ${toHex(question.headHash)}`, question)
  }

  /** Questions taken out to be looked at again; those below the final tip are of no interest any more. */
  takeQuestions(): readonly Question[] {
    // Asked after every final block, of every shard.
    if (this.questions.size === 0) return NO_QUESTIONS
    const questions = [...this.questions.values()].filter(({ height }) => height > this.final.height)
    this.questions.clear()
    return questions
  }
}

const NO_QUESTIONS: readonly Question[] = []
