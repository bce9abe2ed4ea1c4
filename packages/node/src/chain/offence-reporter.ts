import { activeEd25519, isArmError, type KeyPair, type Runtime } from '@armchain/core'
import { EvidenceReports, evidenceTransaction, type HostedShard, type ReportArgs } from '@armchain/shard'
import type { Log } from '../log.ts'
import type { Intake } from './intake.ts'

export type OffenceReporterParts = {
  readonly runtime: Runtime
  /** The main shard as this node hosts it. */
  readonly main: () => HostedShard
  /** Pays and signs; its account on the main shard needs some money. */
  readonly key: KeyPair
  /** This node's turn among those that report; see `EvidenceReports`. */
  readonly turn: number
  readonly submit: Intake['submit']
  readonly log: Log
}

/** Reports what this node's engines find out about validators: a transaction of its own, when its turn has come. */
export class OffenceReporter {
  readonly #parts: OffenceReporterParts
  readonly #reports: EvidenceReports

  constructor(parts: OffenceReporterParts) {
    this.#parts = parts
    this.#reports = new EvidenceReports(parts.turn)
  }

  /** What an engine's `evidence` effect holds. */
  take(report: ReportArgs): void {
    this.#reports.take(this.#parts.main().final.height, report)
  }

  /** To be called after every final main-shard block. Never throws: what fails now is tried again later. */
  async look(): Promise<void> {
    const { main, submit, log } = this.#parts
    const { chain, final } = main()
    const due = this.#reports.due(chain.state, final.height)
    if (due.length === 0) return
    try {
      const results = await submit(this.#transactions(due))
      for (const [i, result] of results.entries()) {
        const vShard = due[i]?.shard.vShard
        if (result.ok) log.warn('a validator has contradicted itself: reported', { vShard })
        else log.warn('an offence could not be reported', { vShard, code: result.code, reason: result.message })
      }
    } catch (error) {
      log.warn('offences could not be reported', { code: isArmError(error) ? error.code : undefined })
    }
  }

  #transactions(due: readonly ReportArgs[]): Uint8Array[] {
    const { runtime, main, key } = this.#parts
    const { pool, kernel, final } = main()
    const { publicKey, secretKey, account } = key
    const first = pool.nextNonce(account)
    const common = {
      publicKey,
      sign: (message: Uint8Array) => activeEd25519().sign(message, secretKey),
      baseFee: kernel.baseFee,
      height: final.height,
    }
    return due.map((report, i) => evidenceTransaction(runtime, report, { ...common, nonce: first + i }))
  }
}
