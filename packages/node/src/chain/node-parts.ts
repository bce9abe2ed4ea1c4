import type { Pace } from '@armchain/consensus'
import type { PreparedTransaction, Runtime } from '@armchain/core'
import type { AddressBook } from './address-book.ts'
import type { ChainHost } from './chain-host.ts'
import type { History } from './history.ts'
import type { Waiters } from './waiters.ts'

/** What RPC handlers work with. */
export type NodeParts = {
  readonly runtime: Runtime
  readonly host: ChainHost
  readonly history: History
  readonly waiters: Waiters
  readonly addresses: AddressBook
  readonly pace: Pace
  readonly version: string
  readonly dev: boolean
  readonly walBytes: () => number
  /** A transaction that waits in a pool. */
  readonly pending: (txId: Uint8Array) => PreparedTransaction | undefined
  /** Last height of a vShard that is durable. */
  readonly publishedHeight: (vShard: number) => number
  /** Last height of a vShard that a durable main-shard block has anchored. */
  readonly anchoredHeight: (vShard: number) => number
  /** Height of a recent head. */
  readonly heightOf: (vShard: number, hash: string) => number | undefined
}
