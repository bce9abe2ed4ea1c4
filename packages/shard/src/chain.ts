import {
  type Anchor,
  accountIdOf,
  anchorCodec,
  type Block,
  type BlockExecution,
  type Body,
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
  isArmError,
  limits,
  merkleListRoot,
  type Outcome,
  type PreparedTransaction,
  prepareTransaction,
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
  transactionId,
  type Writes,
} from '@armchain/core'
import { applyAnchor, type CheckedAnchor, shardTopsRoot } from './anchors.ts'
import { committeesRoot } from './committees.ts'
import { type BlockRules, beginBlock, type Executed, endBlock, executeParts, runImport } from './execute.ts'
import type { MainHead } from './imports.ts'
import { isMain, type Layout, type ShardDescriptor } from './layout.ts'
import { PASSED_OVER_MAX } from './limits.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { auditShard } from './supply-rule.ts'

/** Where a shard stands. */
export type Tip = {
  readonly height: number
  readonly hash: Uint8Array
  readonly head: Head
  readonly headBytes: Uint8Array
}

export type ShardSetup = { readonly runtime: Runtime; readonly layout: Layout; readonly descriptor: ShardDescriptor }

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

/** A block that has been executed on top of the tip; `undo` takes its writes back. */
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
 */
export class ShardChain {
  readonly setup: ShardSetup
  readonly state: ShardState
  #tip: Tip

  constructor(setup: ShardSetup, state: ShardState, tip: Tip = genesisTip(setup.descriptor)) {
    this.setup = setup
    this.state = state
    this.#tip = tip
  }

  get tip(): Tip {
    return this.#tip
  }

  /** Builds the next block and executes it on the state; `commit` or `abandon` must follow. */
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

  /** Checks a block of another proposer against everything but its certificate, and executes it on the state. */
  apply(block: Omit<Block, 'certificate'>, context: BlockContext): Outcome<ExecutedBlock> {
    const { mainHead, verified } = context
    const decoded = decodeBlock(block, this.setup.runtime)
    if (!decoded.ok) return decoded
    const { head, details, body } = decoded.value
    const refusal = this.#checkHeader(block, head, details, mainHead) ?? checkRound(head, details, context)
    if (refusal !== undefined) return { ok: false, reason: refusal }
    const transactions: PreparedTransaction[] = []
    for (const bytes of body.transactions) {
      const prepared = prepareTransaction(this.setup.runtime, bytes, transactionId(bytes), this.#accountOf(bytes))
      if (!prepared.ok)
        return refuse('ARM_BLOCK_TX', `a transaction is malformed: ${prepared.reason.message}`, {
          cause: prepared.reason.code,
        })
      if (!verified(prepared.value))
        return refuse('ARM_BLOCK_TX', 'the signature of a transaction is not known to hold', {
          cause: 'ARM_TX_SIGNATURE',
        })
      transactions.push(prepared.value)
    }
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

  /** Makes an executed block the tip. */
  commit(executed: ExecutedBlock): void {
    invariant(executed.height === this.#tip.height + 1, 'blocks are committed in order')
    this.#tip = { height: executed.height, hash: executed.hash, head: executed.head, headBytes: executed.block.head }
  }

  /** Takes the writes of an executed block back. */
  abandon(executed: ExecutedBlock): void {
    this.state.apply(executed.undo)
  }

  #accountOf(bytes: Uint8Array): Uint8Array {
    const at = this.setup.runtime.types.senderKeyOffset
    return accountIdOf(bytes.subarray(at, at + 32))
  }

  #rules(block: Pick<Ingredients, 'timeMs' | 'mainHeight' | 'mainHead'>): BlockRules {
    const { runtime, layout, descriptor } = this.setup
    const { timeMs, mainHeight, mainHead } = block
    return { runtime, layout, shard: descriptor.key, height: this.#tip.height + 1, timeMs, mainHeight, mainHead }
  }

  #checkHeader(
    block: Omit<Block, 'certificate'>,
    head: Head,
    details: Details,
    mainHead: (height: number) => MainHead | undefined,
  ): Refusal | undefined {
    const { layout, descriptor } = this.setup
    const tip = this.#tip
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
      previous: [this.#tip.hash],
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
      execHeight: this.#tip.height + 1,
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
      height: this.#tip.height + 1,
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
    return {
      block: { head: headBytes, details: detailsBytes, body: bodyBytes },
      height: head.height,
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
    }
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

/** Decodes a block's three parts. */
export function decodeBlock(
  block: Omit<Block, 'certificate'>,
  runtime: Runtime,
): Outcome<{ head: Head; details: Details; body: Body }> {
  try {
    return {
      ok: true,
      value: {
        head: headCodec.decode(block.head),
        details: runtime.details.decode(block.details),
        body: bodyCodec.decode(block.body),
      },
    }
  } catch (error) {
    if (!isArmError(error)) throw error
    return refuse('ARM_BLOCK_DECODE', 'a part of the block is malformed', { ...error.data })
  }
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
