import type { PreparedTransaction, Runtime } from '@armchain/core'
import type { BlockContext } from './chain.ts'
import type { HostedShard, Question } from './hosted-shard.ts'
import type { MainHead } from './imports.ts'
import { isMain } from './layout.ts'
import { BLOCK_TIME_DRIFT_MS } from './limits.ts'
import { readPayload } from './payload.ts'
import { readBlock } from './read-block.ts'

/** What is known around a shard when one of its blocks is judged. */
export type Surroundings = {
  readonly runtime: Runtime
  readonly nowMs: number
  /** Height of the main shard's last final block. */
  readonly mainHeight: number
  readonly mainHead: (height: number) => MainHead | undefined
  /** Has these signatures checked, and the question looked at again. */
  readonly check: (transactions: readonly PreparedTransaction[]) => void
}

/**
 * Whether a block is valid where it stands, by executing it; `waits` while something is missing: the block below, the
 * main-shard block that it has seen, or a verdict on signatures that this node has not checked yet.
 */
export function judge(hosted: HostedShard, question: Question, around: Surroundings): boolean | 'waits' {
  const { chain, descriptor } = hosted
  if (chain.candidate(question.headHash) !== undefined) return true
  if (!chain.moveTo(question.parent)) return 'waits'
  if (question.read === undefined) {
    const payload = readPayload(question.payload)
    const read = payload && readBlock({ head: question.head, ...payload }, around.runtime)
    if (!read?.ok) return false
    question.read = read.value
  }
  if (!isMain(descriptor.key) && question.read.details.mainHeight > around.mainHeight) return 'waits'
  const signatures = signaturesOf(hosted, question, question.read.transactions, around)
  if (signatures !== 'valid') return signatures === 'asked' ? 'waits' : false
  return chain.execute(question.read, {
    ...contextOf(hosted, question, around.nowMs),
    mainHead: around.mainHead,
    verified: () => true,
  }).ok
}

function signaturesOf(
  { pool }: HostedShard,
  question: Question,
  transactions: readonly PreparedTransaction[],
  { check }: Surroundings,
): NonNullable<Question['signatures']> {
  if (question.signatures !== undefined) return question.signatures
  const unknown = transactions.filter((each) => !pool.holds(each))
  question.signatures = unknown.length > 0 ? 'asked' : 'valid'
  if (unknown.length > 0) check(unknown)
  return question.signatures
}

/** Of a block that is notarised, a quorum has decided who led and what time it was; it may come again in a later view. */
function contextOf(
  hosted: HostedShard,
  { type, view }: Question,
  nowMs: number,
): Pick<BlockContext, 'latestTimeMs' | 'round'> {
  if (type === 'certified') return { latestTimeMs: Number.MAX_SAFE_INTEGER, round: 'certified' }
  const round = { epoch: hosted.epoch, view, proposer: hosted.leaderAccount(view) }
  return { latestTimeMs: nowMs + BLOCK_TIME_DRIFT_MS, round }
}
