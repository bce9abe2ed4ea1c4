import { SimDisk, type SyncMark } from './disk.ts'
import type { NodeEffect, SimNode } from './node-port.ts'

/** What waits for the disk, with the number of records and payloads that must be durable first. */
export type Held = {
  readonly after: number
  readonly effect: NodeEffect & { readonly type: 'send' | 'fact' }
}

/** A machine in the world: disk, clock, and the node that runs on it while it is up. */
export class Host {
  readonly index: number
  /** Seat in the committee; two hosts share one if they are twins. */
  readonly seat: number
  readonly twin: number
  readonly disk: SimDisk = new SimDisk()
  node: SimNode | undefined
  /** Counts boots; timers of an earlier life never fire. */
  life = 0
  pausedUntilMs = 0
  offsetMs = 0
  /** How much faster than the world's its clock runs: 1 for a perfect one. */
  rate = 1
  readonly held: Held[] = []
  /** Appends and stores so far in this life. */
  written = 0
  syncing: { readonly mark: SyncMark; readonly written: number } | undefined
  slowUntilMs = 0
  slowSyncMs = 0
  /** Newest setting of each timer: only that one fires. */
  readonly timers: Map<number, number> = new Map()
  /** Highest final block that it has told of, by chain. */
  readonly heights: Map<number, number> = new Map()

  constructor(index: number, seat: number, twin: number) {
    this.index = index
    this.seat = seat
    this.twin = twin
  }

  get name(): string {
    return this.twin === 0 ? `${this.seat}` : `${this.seat}'`
  }

  /** Its own clock, in whole milliseconds. */
  localMs(worldMs: number): number {
    return Math.max(0, Math.floor(worldMs * this.rate + this.offsetMs))
  }

  /** When its own clock will show `localMs`. */
  worldMs(localMs: number): number {
    return Math.ceil((localMs - this.offsetMs) / this.rate)
  }

  /** Everything in memory is gone. */
  stop(): void {
    this.node = undefined
    this.life++
    this.held.length = 0
    this.written = 0
    this.syncing = undefined
    this.timers.clear()
  }
}
