import {
  type Anchor,
  anchorCodec,
  type Block,
  type BlockExecution,
  bodyCodec,
  concatBytes,
  type Details,
  equalBytes,
  type Head,
  hashLeaves,
  headCodec,
  headHash,
  type Import,
  importCodec,
  invariant,
  limits,
  merkleListRoot,
  type Outcome,
  type PreparedTransaction,
  type Refusal,
  type Row,
  type Runtime,
  readKernelState,
  refuse,
  type ShardKey,
  type ShardState,
  type Supply,
  sameShard,
  sha256,
  type Writes,
} from '@armchain/core'
import { applyAnchor, type CheckedAnchor, shardTopsRoot } from './anchors.ts'
import { Candidates, parentOf } from './candidates.ts'
import type { CertifiedHeads } from './certified-heads.ts'
import { committeesRoot } from './committees.ts'
import { type BlockRules, beginBlock, type Executed, endBlock, executeParts, runImport } from './execute.ts'
import type { MainHead } from './imports.ts'
import { isMain, type Layout, type ShardDescriptor } from './layout.ts'
import { PASSED_OVER_MAX } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { type ReadBlock, readBlock } from './read-block.ts'
import { auditShard } from './supply-rule.ts'

/** Where a shard stands. */
export type Tip = {
  readonly height: number
  readonly hash: Uint8Array
  readonly head: Head
  readonly headBytes: Uint8Array
}

export type ShardSetup = {
  readonly runtime: Runtime
  readonly layout: Layout
  readonly descriptor: ShardDescriptor
  /** See `AnchorRules`. */
  readonly certified?: CertifiedHeads | undefined
}

/** What a proposer may put into its next block. */
export type Ingredients = {
  readonly timeMs: number
  readonly view: number
  readonly epoch: number
  readonly mainHeight: number
  readonly mainHead: (height: number) => MainHead | undefined
  readonly imports: readonly Import[]
  /** Best first; those of one sender in order of nonce. Taken until the block is full. */
  readonly transactions: Iterable<PreparedTransaction>
  /** Those of one shard in order. Taken while they fit. */
  readonly anchors: readonly Anchor[]
  /** Gas of messages that wait beyond this block. */
  readonly congestion: number
  readonly proposer: Uint8Array
}

/** What who checks a block knows beside the chain. */
export type BlockContext = {
  readonly mainHead: (height: number) => MainHead | undefined
  /** The latest time that the block may bear: the clock and what clocks may differ. */
  readonly latestTimeMs: number
  /** What the engine expects of the head; `certified` where a certificate has settled it already, as in the own log. */
  readonly round: Round | 'certified'
  /** Whether a transaction's signature is known to hold and its key may own an account: the shell checks in batches. */
  readonly verified: (transaction: PreparedTransaction) => boolean
}

export type Round = { readonly epoch: number; readonly view: number; readonly proposer: Uint8Array }

/** Something that another shard's committee has certified and that does not hold. */
export type Fault = { readonly shard: ShardKey; readonly what: 'anchor' | 'import'; readonly reason: Refusal }

/** A block that has been executed on top of another; `undo` takes its writes back. */
export type ExecutedBlock = {
  readonly block: Omit<Block, 'certificate'>
  readonly height: number
  readonly hash: Uint8Array
  readonly head: Head
  readonly details: Details
  readonly transactions: readonly PreparedTransaction[]
  readonly imports: readonly Import[]
  readonly anchors: readonly CheckedAnchor[]
  /** Encoded, those of messages before those of transactions. */
  readonly receipts: readonly Uint8Array[]
  readonly outbox: Outbox
  readonly undo: Writes
  /** Transactions that could not be included, with why. */
  readonly refused: readonly { readonly prepared: PreparedTransaction; readonly reason: Refusal }[]
  /** Imports and anchors that were offered to this block and do not hold. */
  readonly faults: readonly Fault[]
}

const ZERO = new Uint8Array(32)

/**
 * One shard's chain as a machine without I/O: builds blocks, or checks and applies those of others. Certificates are
 * the consensus engine's; disk, network and clock are the shell's.
 *
 * Blocks may stand on blocks that are not final yet. The state is that of `at`, the block that was executed last or that
 * `moveTo` chose; whoever wants what is final calls `rewind` first.
 */
export class ShardChain {
  readonly setup: ShardSetup
  readonly state: ShardState
  readonly #candidates: Candidates
  #tip: Tip

  constructor(setup: ShardSetup, state: ShardState, tip: Tip = genesisTip(setup.descriptor)) {
    this.setup = setup
    this.state = state
    this.#candidates = new Candidates(state)
    this.#tip = tip
  }

  /** The last final block. */
  get tip(): Tip {
    return this.#tip
  }

  /** The block that the state is of. */
  get at(): Tip {
    const { top } = this.#candidates
    return top === undefined ? this.#tip : tipOf(top)
  }

  /** Blocks that are executed and not final. */
  get candidates(): number {
    return this.#candidates.size
  }

  /** An executed block that is not final. */
  candidate(hash: Uint8Array): ExecutedBlock | undefined {
    return this.#candidates.get(hash)
  }

  /** An executed block that is not final, of a height at or below that of `at` and on the way there. */
  candidateAt(height: number): ExecutedBlock | undefined {
    return this.#candidates.at(height)
  }

  /** Puts the state at the tip or at an executed block; false, and nothing has moved, if the block is neither. */
  moveTo(hash: Uint8Array): boolean {
    return this.#candidates.moveTo(hash, this.#tip.hash)
  }

  /** Puts the state at the tip. */
  rewind(): void {
    if (this.#candidates.top === undefined) return
    this.#candidates.moveTo(this.#tip.hash, this.#tip.hash)
  }

  /** Builds a block on `at` and executes it. */
  propose(ingredients: Ingredients): ExecutedBlock {
    const rules = this.#rules(ingredients)
    const execution = beginBlock(this.state, rules)
    const body = new BodyBuilder(execution.sizeLimitBytes)
    invariant(ingredients.anchors.length === 0 || isMain(rules.shard), 'only the main shard anchors')
    const faults: Fault[] = []
    const imports = takeImports(execution, body, ingredients.imports, rules, faults)
    const anchors = takeAnchors(execution, body, ingredients.anchors, rules, faults)
    const { included, refused } = takeTransactions(execution, body, ingredients.transactions)
    const taken = anchors.map(({ anchor }) => anchor)
    const bodyBytes = bodyCodec.encode({ transactions: included.map(({ bytes }) => bytes), imports, anchors: taken })
    invariant(bodyBytes.length <= execution.sizeLimitBytes, 'own block is too large')
    const checked = anchors.map((each) => each.checked)
    return this.#seal(endBlock(execution, checked, bodyBytes.length, rules), {
      bodyBytes,
      included,
      imports,
      refused,
      faults,
      ingredients: { ...ingredients, anchors: taken },
    })
  }

  /** Checks a block of another proposer against everything but its certificate, and executes it on `at`. */
  apply(block: Omit<Block, 'certificate'>, context: BlockContext): Outcome<ExecutedBlock> {
    const read = readBlock(block, this.setup.runtime)
    return read.ok ? this.execute(read.value, context) : read
  }

  /** The same for a block that is decoded already. */
  execute({ block, head, details, body, transactions }: ReadBlock, context: BlockContext): Outcome<ExecutedBlock> {
    const known = this.candidate(headHash(block.head))
    if (known !== undefined && equalBytes(parentOf(known), this.at.hash)) {
      this.moveTo(known.hash)
      return { ok: true, value: known }
    }
    const { mainHead, verified } = context
    const refusal = this.#checkHeader(block, head, details, mainHead) ?? checkRound(head, details, context)
    if (refusal !== undefined) return { ok: false, reason: refusal }
    if (!transactions.every(verified))
      return refuse('ARM_BLOCK_TX', 'the signature of a transaction is not known to hold', {
        cause: 'ARM_TX_SIGNATURE',
      })
    const { timeMs } = head
    const rules = this.#rules({ timeMs, mainHeight: details.mainHeight, mainHead })
    const executed = executeParts(this.state, { ...body, transactions, sizeBytes: block.body.length }, rules)
    if (!executed.ok) return executed
    const built = this.#seal(executed.value, {
      bodyBytes: block.body,
      included: transactions,
      imports: body.imports,
      refused: [],
      faults: [],
      ingredients: { ...details, timeMs, view: head.view, epoch: head.epoch, mainHead, anchors: body.anchors },
    })
    if (equalBytes(built.block.head, block.head)) return { ok: true, value: built }
    this.abandon(built)
    return refuse('ARM_BLOCK_STATE', 'executing the block does not give what its head says', { height: head.height })
  }

  /** Makes an executed block the tip, where the state is put too. What does not stand on it is forgotten. */
  commit(executed: ExecutedBlock): void {
    invariant(equalBytes(parentOf(executed), this.#tip.hash), 'blocks are committed in order')
    invariant(this.moveTo(executed.hash), 'a block is executed before it is committed')
    this.#candidates.settle(executed.hash)
    this.#tip = tipOf(executed)
  }

  /** Forgets an executed block and what stands on it; their writes are taken back. */
  abandon(executed: Pick<ExecutedBlock, 'hash'>): void {
    this.#candidates.remove(executed.hash)
  }

  #rules(block: Pick<Ingredients, 'timeMs' | 'mainHeight' | 'mainHead'>): BlockRules {
    const { descriptor, ...setup } = this.setup
    const { timeMs, mainHeight, mainHead } = block
    return { ...setup, shard: descriptor.key, height: this.at.height + 1, timeMs, mainHeight, mainHead }
  }

  #checkHeader(
    block: Omit<Block, 'certificate'>,
    head: Head,
    details: Details,
    mainHead: (height: number) => MainHead | undefined,
  ): Refusal | undefined {
    const { layout, descriptor } = this.setup
    const tip = this.at
    const bad = (code: Refusal['code'], message: string): Refusal => ({ code, message, data: { height: head.height } })
    if (!equalBytes(head.genesis, layout.genesisHash)) return bad('ARM_BLOCK_HEADER', 'the block is of another chain')
    if (head.height !== tip.height + 1) return bad('ARM_BLOCK_PARENT', `expected height ${tip.height + 1}`)
    if (details.previous.length !== 1 || !equalBytes(details.previous[0] as Uint8Array, tip.hash))
      return bad('ARM_BLOCK_PARENT', 'the block does not extend the tip')
    if (head.timeMs < tip.head.timeMs) return bad('ARM_BLOCK_HEADER', 'time runs backwards')
    if (!equalBytes(sha256(block.details), head.bodyHash))
      return bad('ARM_BLOCK_HEADER', 'the details are not those of the head')
    if (!equalBytes(sha256(block.body), details.dataRoot))
      return bad('ARM_BLOCK_HEADER', 'the body is not that of the details')
    const seen = mainHead(details.mainHeight)
    if (seen === undefined || !equalBytes(seen.hash, details.mainHash))
      return bad('ARM_BLOCK_PARENT', 'the main-shard head that it names is unknown')
    // Or a proposer could turn back the height at which messages expire.
    if (details.mainHeight < (readKernelState(this.state)?.mainHeight ?? 0))
      return bad('ARM_BLOCK_PARENT', 'the block has seen less of the main shard than its parent')
    if (isMain(descriptor.key) && details.mainHeight !== tip.height)
      return bad('ARM_BLOCK_PARENT', 'a main-shard block sees its own parent')
    return undefined
  }

  #seal(executed: Executed, parts: Parts): ExecutedBlock {
    const { runtime, layout, descriptor } = this.setup
    const { result, anchors } = executed
    const { bodyBytes, included, imports, ingredients } = parts
    const parent = this.at
    const height = parent.height + 1
    const outbox = createOutbox(result.outgoing)
    const undo = this.state.apply(result.writes)
    const supply: Supply = {
      balances: this.state.accounts.totalBalance,
      burnt: result.kernel.burnt,
      sent: result.kernel.sent,
      received: result.kernel.received,
    }
    const audit = auditShard(supply, descriptor.genesisMotes)
    invariant(audit.ok, `a module has minted or lost money on vShard ${descriptor.key.vShard}`)
    const details: Details = {
      previous: [parent.hash],
      mainHeight: ingredients.mainHeight,
      mainHash: ingredients.mainHead(ingredients.mainHeight)?.hash ?? ZERO,
      txRoot: merkleListRoot(concatBytes(...included.map(({ id }) => id))),
      receiptsRoot: merkleListRoot(hashLeaves(result.receipts)),
      importsRoot: merkleListRoot(
        hashLeaves([
          ...imports.map((item) => importCodec.encode(item)),
          ...ingredients.anchors.map((anchor) => anchorCodec.encode(anchor)),
        ]),
      ),
      dataRoot: sha256(bodyBytes),
      execHeight: height,
      congestion: ingredients.congestion,
      txCount: included.length,
      gasUsed: result.gasUsed,
      sizeBytes: bodyBytes.length,
      sizeLimitBytes: result.sizeLimitBytes,
      baseFee: result.baseFee,
      supply,
      proposer: ingredients.proposer,
      ...result.detailsFields,
    }
    const detailsBytes = runtime.details.encode(details)
    const head: Head = {
      genesis: layout.genesisHash,
      shard: descriptor.key,
      epoch: ingredients.epoch,
      view: ingredients.view,
      height,
      timeMs: ingredients.timeMs,
      stateRoot: this.state.root(),
      outboxRoot: outbox.root,
      shardTopsRoot: shardTopsRoot(anchors),
      workerTopsRoot: ZERO,
      committeesRoot: isMain(descriptor.key) ? committeesRoot(layout) : ZERO,
      nextCommittee: ZERO,
      bodyHash: sha256(detailsBytes),
    }
    const headBytes = headCodec.encode(head)
    return this.#keep({
      block: { head: headBytes, details: detailsBytes, body: bodyBytes },
      height,
      hash: headHash(headBytes),
      head,
      details,
      transactions: included,
      imports,
      anchors,
      receipts: result.receipts,
      outbox,
      undo,
      refused: parts.refused,
      faults: parts.faults,
    })
  }

  /** A block whose writes are in the state. */
  #keep(built: ExecutedBlock): ExecutedBlock {
    const known = this.candidate(built.hash)
    if (known === undefined) {
      this.#candidates.add(built)
      return built
    }
    // Built again, to the last byte: by a twin of this validator, or by itself before it was asked anew.
    this.state.apply(built.undo)
    this.moveTo(known.hash)
    return known
  }
}

type Parts = {
  readonly bodyBytes: Uint8Array
  readonly included: readonly PreparedTransaction[]
  readonly imports: readonly Import[]
  readonly refused: ExecutedBlock['refused']
  readonly faults: readonly Fault[]
  readonly ingredients: Pick<
    Ingredients,
    'timeMs' | 'view' | 'epoch' | 'mainHeight' | 'mainHead' | 'anchors' | 'congestion' | 'proposer'
  >
}

export function genesisTip({ genesisHead, genesisHeadHash }: ShardDescriptor): Tip {
  return { height: 0, hash: genesisHeadHash, head: headCodec.decode(genesisHead), headBytes: genesisHead }
}

function tipOf({ height, hash, head, block }: ExecutedBlock): Tip {
  return { height, hash, head, headBytes: block.head }
}

function checkRound(head: Head, details: Details, { latestTimeMs, round }: BlockContext): Refusal | undefined {
  const bad = (message: string): Refusal => ({ code: 'ARM_BLOCK_HEADER', message, data: { height: head.height } })
  if (head.timeMs > latestTimeMs) return bad('the block is of a time that has not come')
  if (round === 'certified') return undefined
  if (head.epoch !== round.epoch || head.view !== round.view) return bad('the block is of another epoch or view')
  return equalBytes(details.proposer, round.proposer) ? undefined : bad('the block names another proposer')
}

/** Counts the bytes of a body as it fills. */
class BodyBuilder {
  #left: number
  constructor(limitBytes: number) {
    this.#left = limitBytes - BODY_FRAME_BYTES
  }
  fits(sizeBytes: number): boolean {
    return sizeBytes <= this.#left
  }
  take(sizeBytes: number): boolean {
    if (!this.fits(sizeBytes)) return false
    this.#left -= sizeBytes
    return true
  }
}

const BODY_FRAME_BYTES = 64
const TX_FRAME_BYTES = 5

function takeImports(
  execution: BlockExecution,
  body: BodyBuilder,
  candidates: readonly Import[],
  rules: BlockRules,
  faults: Fault[],
): Import[] {
  const taken: Import[] = []
  for (const item of candidates) {
    if (hasFault(faults, item.source)) continue
    const sizeBytes = importCodec.size(item)
    if (!body.fits(sizeBytes)) break
    const reason = runImport(execution, item, rules)
    if (reason !== undefined) faults.push({ shard: item.source, what: 'import', reason })
    else {
      body.take(sizeBytes)
      taken.push(item)
    }
  }
  return taken
}

function takeAnchors(
  execution: BlockExecution,
  body: BodyBuilder,
  candidates: readonly Anchor[],
  rules: BlockRules,
  faults: Fault[],
): { anchor: Anchor; checked: CheckedAnchor }[] {
  const taken: { anchor: Anchor; checked: CheckedAnchor }[] = []
  for (const anchor of candidates) {
    const { shard } = headCodec.decode(anchor.head)
    if (hasFault(faults, shard)) continue
    const sizeBytes = anchorCodec.size(anchor)
    if (!body.fits(sizeBytes)) break
    const outcome = applyAnchor(anchor, execution.draft, rules)
    if (!outcome.ok) faults.push({ shard, what: 'anchor', reason: outcome.reason })
    else {
      body.take(sizeBytes)
      taken.push({ anchor, checked: outcome.value })
    }
  }
  return taken
}

/** What follows on something that does not hold does not either. */
function hasFault(faults: readonly Fault[], shard: ShardKey): boolean {
  return faults.some((fault) => sameShard(fault.shard, shard))
}

/** Takes what fits. What does not is passed over, or one of large gas limit would keep all behind it out of blocks. */
function takeTransactions(
  execution: BlockExecution,
  body: BodyBuilder,
  candidates: Iterable<PreparedTransaction>,
): { included: PreparedTransaction[]; refused: { prepared: PreparedTransaction; reason: Refusal }[] } {
  const included: PreparedTransaction[] = []
  const refused: { prepared: PreparedTransaction; reason: Refusal }[] = []
  const passedOver = new Set<Row>()
  for (const prepared of candidates) {
    if (included.length >= limits.BLOCK_TXS_MAX || passedOver.size >= PASSED_OVER_MAX) break
    const row = execution.draft.row(prepared.account)
    // Its nonce follows on one that waits.
    if (passedOver.has(row)) continue
    const sizeBytes = prepared.bytes.length + TX_FRAME_BYTES
    const outcome = body.fits(sizeBytes) ? execution.transaction(prepared) : undefined
    if (outcome === undefined || (!outcome.ok && outcome.reason.code === 'ARM_BLOCK_LIMIT')) passedOver.add(row)
    else if (!outcome.ok) refused.push({ prepared, reason: outcome.reason })
    else {
      included.push(prepared)
      body.take(sizeBytes)
    }
  }
  return { included, refused }
}
