import { linkOf, NOTARIZE } from '@armchain/consensus'
import { type Anchor, type Body, blockCodec, headHash, type Runtime } from '@armchain/core'
import {
  type ChainMachine,
  encodePayload,
  type HostedShard,
  type Ingredients,
  isMain,
  type MainHead,
  type ReadBlock,
  readBlock,
  readPayload,
  type Tip,
} from '@armchain/shard'
import { type BlockParts, type Forgery, type Ground, MAKERS, packed } from './block-forgeries.ts'
import { type BlockForge, type Forger, type Proposal, signStatement } from './forgery.ts'
import { FORGED_ANCHORS_MAX, FORGED_BLOCKS_MAX } from './limits.ts'
import { flipped, type Random } from './random.ts'
import { unsignedTransfer, userAccount, WHOLE_USERS } from './whole-chain.ts'

export type ShardForgeOptions = {
  /** The adversary's own node: its state is what forged blocks are executed on. */
  readonly machine: ChainMachine
  readonly hosted: HostedShard
  readonly runtime: Runtime
  readonly forger: Forger
  readonly random: Random
  /** What it may do wrong. */
  readonly forgeries: readonly Forgery[]
  readonly nowMs: () => number
}

export type ForgedBlock = Pick<Proposal, 'head' | 'payload'>
type Place = { readonly parent: Uint8Array; readonly ingredients: Ingredients; readonly honest: BlockParts | undefined }

/**
 * Forges blocks of one shard of a whole node. What can be wrong and still be consistent, it executes: a block with a
 * transaction that nobody signed has the state root that the transaction would give, and is refused for one reason only.
 */
export class ShardForge implements BlockForge {
  readonly #options: ShardForgeOptions
  /** Heads that its own blocks anchored, for anchoring them again. */
  readonly #anchored: Anchor[] = []
  /** Bad blocks that it has signed, by what is wrong with them. */
  readonly made: Map<Forgery, number> = new Map()
  readonly #forged: ForgedBlock[] = []

  constructor(options: ShardForgeOptions) {
    this.#options = options
  }

  second(message: Proposal, parent?: Uint8Array): Proposal | undefined {
    const place = this.#placeOf(message, parent)
    if (place === undefined) return undefined
    const { ingredients } = place
    const timeMs = ingredients.timeMs + this.#options.random.between(1, 50)
    return this.#sign(message, this.#build(place.parent, { ...ingredients, timeMs }))
  }

  moved(message: Proposal, parent?: Uint8Array): Proposal | undefined {
    const place = this.#placeOf(message, parent)
    if (place === undefined) return undefined
    const built = this.#build(place.parent, place.ingredients)
    if (built !== undefined || place.honest === undefined) return this.#sign(message, built)
    // Its own node has not got there: the block as it is, naming another parent.
    const { head, details, body } = place.honest
    const elsewhere = { head, details: { ...details, previous: [place.parent] }, body }
    return this.#sign(message, packed(this.#options.runtime, elsewhere))
  }

  bad(message: Proposal): Proposal | undefined {
    const { runtime } = this.#options
    for (let tries = 0; tries < TRIES; tries++) {
      const ground = this.#groundOf(message)
      if (ground === undefined) return undefined
      const kind = this.#drawFor(ground.honest.body)
      const bent = kind && MAKERS[kind](ground)
      const parent = ground.honest.details.previous[0] as Uint8Array
      const built = bent?.ingredients && this.#build(parent, bent.ingredients)
      const block = built ?? (bent?.parts && packed(runtime, bent.parts))
      if (kind === undefined || block === undefined) continue
      this.made.set(kind, (this.made.get(kind) ?? 0) + 1)
      return this.#sign(message, block)
    }
    return undefined
  }

  /** A block that it has forged of late, with the certificate of one that is final. */
  passedOff(): Uint8Array | undefined {
    const { random, hosted } = this.#options
    const { head, payload } = this.#forged.length === 0 ? {} : random.pick(this.#forged)
    const parts = payload && readPayload(payload)
    const { certificate } = hosted.final
    return head && parts && certificate && blockCodec.encode({ head, ...parts, certificate })
  }

  stray(payload: Uint8Array | undefined): Uint8Array {
    const read = payload && readPayload(payload)
    if (read === undefined) return new Uint8Array(0)
    const { random } = this.#options
    return random.chance(0.5)
      ? encodePayload({ ...read, body: flipped(read.body, random) })
      : encodePayload({ ...read, details: flipped(read.details, random) })
  }

  /** What is done to transactions, messages or anchors is done gladly where there are some: most blocks have none. */
  #drawFor({ transactions, imports, anchors }: Body): Forgery | undefined {
    const { random, forgeries } = this.#options
    const rare = forgeries.filter(
      (kind) =>
        (imports.length > 0 && kind.startsWith('import-')) ||
        (anchors.length > 0 && kind.startsWith('anchor-')) ||
        (transactions.length > 0 && (kind === 'dropped' || kind === 'doubled')),
    )
    const fitting = rare.length > 0 && random.chance(RARE_RATIO) ? rare : forgeries
    return fitting.length === 0 ? undefined : random.pick(fitting)
  }

  /** Where a proposal stands and what is in it; for one without a block, what this node would put there. */
  #placeOf(message: Proposal, elsewhere?: Uint8Array): Place | undefined {
    if (message.head.length === 0) return elsewhere && this.#emptyOn(elsewhere, message)
    const read = this.#read(message)
    if (read === undefined) return undefined
    const { head, details, body, transactions } = read
    for (const anchor of body.anchors) this.#anchored.push(anchor)
    this.#anchored.splice(0, this.#anchored.length - FORGED_ANCHORS_MAX)
    const ingredients = {
      ...body,
      transactions,
      timeMs: head.timeMs,
      view: head.view,
      epoch: head.epoch,
      mainHeight: details.mainHeight,
      mainHead: this.#mainHead,
      congestion: this.#congestion(),
      proposer: details.proposer,
    }
    return {
      parent: elsewhere ?? (details.previous[0] as Uint8Array),
      ingredients,
      honest: { head, details, body },
    }
  }

  #emptyOn(parent: Uint8Array, { view, epoch }: Proposal): Place | undefined {
    const { hosted, machine, nowMs } = this.#options
    const at = this.#standingOn(parent, (tip) => tip)
    if (at === undefined) return undefined
    const ingredients = {
      timeMs: Math.max(nowMs(), at.head.timeMs),
      view,
      epoch,
      mainHeight: isMain(hosted.descriptor.key) ? at.height : machine.main.chain.tip.height,
      mainHead: this.#mainHead,
      imports: [],
      transactions: [],
      anchors: [],
      congestion: this.#congestion(),
      proposer: hosted.leaderAccount(view),
    }
    return { parent, ingredients, honest: undefined }
  }

  #groundOf(message: Proposal): Ground | undefined {
    const { hosted, runtime, random, nowMs } = this.#options
    const place = this.#placeOf(message)
    if (place?.honest === undefined) return undefined
    const { honest, ingredients, parent } = place
    const user = random.below(WHOLE_USERS)
    return this.#standingOn(parent, (at): Ground => {
      const { state } = hosted.chain
      const nonce = state.accounts.nonce(state.accounts.find(userAccount(user)))
      return {
        runtime,
        random,
        honest,
        ingredients,
        parentTimeMs: at.head.timeMs,
        nowMs: nowMs(),
        mainHeightSeen: hosted.mainHeightSeen,
        otherProposer: hosted.leaderAccount(message.view + random.between(1, 9)),
        unsigned: () => unsignedTransfer(runtime, { user, from: hosted.vShard, nonce, random }),
        anchored: this.#anchored,
      }
    })
  }

  /** The block by the chain's own rules; undefined if its parent is not known here, or if they leave something out. */
  #build(parent: Uint8Array, ingredients: Ingredients): ForgedBlock | undefined {
    const { chain } = this.#options.hosted
    const executed = this.#standingOn(parent, () => {
      const built = chain.propose(ingredients)
      chain.abandon(built)
      return built
    })
    if (executed === undefined || executed.faults.length > 0) return undefined
    return { head: executed.block.head, payload: encodePayload(executed.block) }
  }

  /** Does something while the state is that of a block, and puts it back; undefined if the block is not known here. */
  #standingOn<Result>(parent: Uint8Array, act: (at: Tip) => Result): Result | undefined {
    const { chain } = this.#options.hosted
    if (!chain.moveTo(parent)) return undefined
    const result = act(chain.at)
    chain.rewind()
    return result
  }

  /** A main-shard head as a block on top of where the state stands may name it. */
  readonly #mainHead = (height: number): MainHead | undefined => {
    const { machine, hosted } = this.#options
    if (hosted !== machine.main || height <= machine.main.chain.tip.height) return machine.mainHead(height)
    const below = hosted.chain.candidateAt(height)
    return below && { ...below.head, hash: below.hash }
  }

  /** Any number will do, so that no two blocks that it makes are the same. */
  #congestion(): number {
    return this.#options.random.bits()
  }

  #read({ head, payload }: Proposal): ReadBlock | undefined {
    const parts = payload && readPayload(payload)
    const read = parts && readBlock({ head, ...parts }, this.#options.runtime)
    return read?.ok === true ? read.value : undefined
  }

  #sign(message: Proposal, block: ForgedBlock | undefined): Proposal | undefined {
    if (block === undefined) return undefined
    const { epoch, view, height, parentLink } = message
    const link = linkOf(parentLink, view, height, headHash(block.head))
    this.#forged.push(block)
    if (this.#forged.length > FORGED_BLOCKS_MAX) this.#forged.shift()
    const signature = signStatement(this.#options.forger, epoch, { kind: NOTARIZE, view, link })
    return { ...message, ...block, signature }
  }
}

/** Forgeries that it tries until the block at hand offers an occasion for one. */
const TRIES = 6
const RARE_RATIO = 0.6
