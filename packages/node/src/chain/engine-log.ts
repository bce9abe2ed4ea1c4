import { blob, type Codec, compile, list, struct, u32 } from '@armchain/core'
import type { EngineLog } from '@armchain/shard'
import type { VoteGuard } from '../storage/vote-guard.ts'

/** Kinds of records in the log. */
export const RECORD_BLOCK = 1
/** One record of a vShard's engine. */
export const RECORD_ENGINE = 2
/** All records of a vShard's engine that still count: it replaces those before. */
export const RECORD_CHECKPOINT = 3

const RECORD_BYTES_MAX = 64 * 1024 * 1024
const checkpointCodec: Codec<{ readonly vShard: number; readonly records: readonly Uint8Array[] }> = compile(
  struct(['vShard', u32], ['records', list(blob(RECORD_BYTES_MAX), 2 ** 20)]),
)

/** What the engines have to find again after a restart: their records since each one's last checkpoint. */
export class EngineRecords {
  readonly #records: Map<number, Uint8Array[]> = new Map()

  add(vShard: number, record: Uint8Array): readonly Uint8Array[] {
    const known = this.#records.get(vShard)
    if (known === undefined) this.#records.set(vShard, [record])
    else known.push(record)
    const head = new Uint8Array(4)
    new DataView(head.buffer).setUint32(0, vShard)
    return [head, record]
  }

  /** Takes what a checkpoint leaves, and gives the record's payload. */
  replace(vShard: number, records: readonly Uint8Array[]): Uint8Array {
    this.#records.set(vShard, [...records])
    return checkpointCodec.encode({ vShard, records })
  }

  /** Checkpoints that begin a log anew. */
  checkpoints(): readonly Uint8Array[] {
    return [...this.#records].map(([vShard, records]) => checkpointCodec.encode({ vShard, records }))
  }

  /** A record as read from the log. */
  replay(kind: typeof RECORD_ENGINE | typeof RECORD_CHECKPOINT, payload: Uint8Array): void {
    if (kind === RECORD_CHECKPOINT) {
      const { vShard, records } = checkpointCodec.decode(payload)
      this.#records.set(vShard, [...records])
      return
    }
    const vShard = new DataView(payload.buffer, payload.byteOffset).getUint32(0)
    this.add(vShard, payload.slice(4))
  }

  clear(): void {
    this.#records.clear()
  }

  /**
   * What the engine of each vShard starts from. One that has no record, though the guard knows of votes, has lost its
   * log: it observes until it is beyond them.
   */
  logs(vShards: readonly number[], guard: VoteGuard | undefined): ReadonlyMap<number, EngineLog> {
    return new Map(vShards.map((vShard) => [vShard, this.#log(vShard, guard)]))
  }

  #log(vShard: number, guard: VoteGuard | undefined): EngineLog {
    const records = this.#records.get(vShard) ?? []
    const guardView = guard?.view(vShard)
    if (records.length > 0 || guard === undefined || (guardView === undefined && !guard.forgotten)) return { records }
    return { records, amnesia: guardView === undefined ? {} : { guardView } }
  }
}
