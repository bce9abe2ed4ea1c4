import { equalBytes } from '@armchain/core'
import type { SealedBlock, ShardDescriptor, Signer } from '@armchain/shard'
import type { Log } from '../log.ts'
import type { Behind } from '../network/block-sync.ts'
import { Peers } from '../network/peers.ts'
import type { Transport } from '../network/transport.ts'
import type { ChainHost } from './chain-host.ts'
import type { History } from './history.ts'
import type { Intake, IntakeResult } from './intake.ts'

export type PeerLinkParts = {
  readonly transport: Transport
  readonly host: ChainHost
  readonly history: History
  readonly intake: Intake
  readonly signer: (shard: ShardDescriptor) => Signer | undefined
  readonly publishedHeight: (vShard: number) => number
  readonly report: (vShard: number, evidence: Uint8Array) => void
  readonly log: Log
}

/** Joins a chain to the other nodes: what they say goes to its parts, and what is new here to them. */
export class PeerLink {
  readonly #parts: PeerLinkParts
  readonly #peers: Peers
  /** Of each vShard, the last head that was published. */
  readonly #latest: Map<number, { readonly head: Uint8Array; readonly certificate: Uint8Array }> = new Map()

  constructor(parts: PeerLinkParts) {
    this.#parts = parts
    const { transport, host, history, intake, publishedHeight, report, log } = parts
    this.#peers = new Peers(
      transport,
      host.layout,
      {
        engine: (vShard, seat, bytes) => host.receive(vShard, seat, bytes),
        blocks: (vShard, place, blocks) => host.takeBlocks(vShard, place, blocks),
        transactions: (raws) => intake.submit(raws),
        finalHeight: (vShard) => host.machine.shard(vShard)?.final.height ?? 0,
        latestHead: (vShard) => this.#latest.get(vShard),
        decides: (vShard) => this.#decides(vShard),
        waiting: () => waitingOf(host),
        block: async (vShard, height) =>
          height > publishedHeight(vShard) ? undefined : (await history.block(vShard, height))?.encoded,
      },
      log,
    )
    host.connect({
      sendToEngine: (vShard, to, bytes) => this.#peers.sendToEngine(vShard, to, bytes),
      requestBlocks: (vShard) => this.#peers.requestBlocks(vShard),
      blame: (vShard, place, reason) => this.#peers.blame(vShard, place, reason),
      report,
    })
  }

  get cutOffs(): number {
    return this.#peers.cutOffs
  }

  get behind(): readonly Behind[] {
    return this.#peers.behind
  }

  start(): void {
    this.#peers.start()
  }

  /** Tells others of the transactions that were accepted. */
  accepted(raws: readonly Uint8Array[], results: readonly IntakeResult[]): void {
    const batches = new Map<number, { readonly vShard: number; readonly transactions: Uint8Array[] }>()
    for (const [i, result] of results.entries()) {
      if (!result.ok) continue
      const { vShard } = result
      const batch = batches.get(vShard) ?? { vShard, transactions: [] }
      batches.set(vShard, batch)
      batch.transactions.push(raws[i] as Uint8Array)
    }
    this.#peers.gossip(batches.values())
  }

  /** Whoever proposed a block tells of its head, once it is durable. */
  published({ shard: { vShard }, executed, certificate }: SealedBlock): void {
    // Copies, as the bytes are part of the block's.
    const latest = { head: executed.block.head.slice(), certificate: certificate.slice() }
    this.#latest.set(vShard, latest)
    const proposer = this.#parts.host.machine.shard(vShard)?.proposer
    if (this.#decides(vShard) && proposer !== undefined && equalBytes(proposer, executed.details.proposer))
      this.#peers.tell({ vShard, ...latest }, executed.height)
  }

  close(): void {
    this.#peers.close()
  }

  #decides(vShard: number): boolean {
    const { host, signer } = this.#parts
    const shard = host.machine.shard(vShard)?.descriptor
    return shard !== undefined && signer(shard) !== undefined
  }
}

function* waitingOf({ machine }: ChainHost): Generator<{ readonly vShard: number; readonly bytes: Uint8Array }> {
  for (const { pool, vShard } of machine.shards) for (const { bytes } of pool.waiting()) yield { vShard, bytes }
}
