import { decodeEvidence, type Evidence } from '@armchain/consensus'
import { formatShardKey, type StateReader } from '@armchain/core'
import { isReported, type ReportArgs } from './evidence-module.ts'
import { REPORT_RETRY_BLOCKS, REPORTS_MAX } from './limits.ts'

/**
 * Which evidence a node reports, and when.
 *
 * Rules: one offence of a validator in an epoch is enough, or who offends in every view would make others pay for as many
 * reports. Nodes take turns: each waits a main-shard block for every node before it, and reports only what the main shard
 * has not recorded until then; so one report is made where all goes well. What is not recorded is reported again.
 */
export class EvidenceReports {
  readonly #turn: number
  /** By validator; in order of age. */
  readonly #offenders: Map<string, Offender> = new Map()

  /** `turn`: this node's place among those that report, from 0; its seat in the main shard's committee, say. */
  constructor(turn: number) {
    this.#turn = turn
  }

  get size(): number {
    return this.#offenders.size
  }

  /** Takes evidence of this node's own engine, which has verified it; `height` is the main shard's. */
  take(height: number, report: ReportArgs): void {
    const decoded = decodeEvidence(report.evidence)
    if (!decoded.ok) return
    const { epoch, signer } = decoded.value
    const name = `${formatShardKey(report.shard)}/${epoch}/${signer}`
    if (this.#offenders.has(name)) return
    if (this.#offenders.size >= REPORTS_MAX) this.#offenders.delete(this.#offenders.keys().next().value as string)
    this.#offenders.set(name, { report, evidence: decoded.value, dueHeight: height + this.#turn })
  }

  /** What to report now; to be asked after every main-shard block, with the state and height after it or somewhat later. */
  due(main: Pick<StateReader, 'entry'>, height: number): readonly ReportArgs[] {
    const reports: ReportArgs[] = []
    for (const offender of this.#offenders.values()) {
      const { report, evidence, dueHeight } = offender
      if (dueHeight > height) continue
      // Recorded ones are looked at again, too: the state may be that of a block that never becomes final.
      offender.dueHeight = height + REPORT_RETRY_BLOCKS
      if (!isReported(main, report.shard, evidence)) reports.push(report)
    }
    return reports
  }
}

type Offender = {
  readonly report: ReportArgs
  readonly evidence: Evidence
  /** Main-shard height at which it is looked at next. */
  dueHeight: number
}
