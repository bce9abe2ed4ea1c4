import { DEFAULT_PEER_LIMITS, PeerGuard } from '@armchain/consensus'
import { toHex } from '@armchain/core'
import type { Layout } from '@armchain/shard'
import {
  GOSSIP_AGAIN_MAX,
  PEER_TRANSACTIONS_WAITING_MAX,
  SYNC_BLOCKS_MAX,
  SYNC_BYTES_MAX,
  SYNC_EVERY_MS,
  SYNC_STALLED_MS,
} from '../limits.ts'
import type { Log } from '../log.ts'
import type { Transport } from './transport.ts'
import { decodePeerMessage, encodePeerMessage, PeerKind, type PeerMessage } from './wire.ts'

/** What the messages of other nodes are for. Seats are those of a vShard's committee. */
export type PeerHandlers = {
  readonly engine: (vShard: number, seat: number, bytes: Uint8Array) => void
  readonly blocks: (vShard: number, seat: number, blocks: readonly Uint8Array[]) => void
  readonly transactions: (transactions: readonly Uint8Array[]) => Promise<unknown>
  /** Last height of a vShard that is final here. */
  readonly finalHeight: (vShard: number) => number
  /** Transactions that wait in this node's pools, the longest waiting first. */
  readonly waiting: () => Iterable<Uint8Array>
  /** A final block of this node that is durable, as a log record has it. */
  readonly block: (vShard: number, height: number) => Promise<Uint8Array | undefined>
}

/**
 * A node's side of the network: who sits where, what is sent to whom, and who is not listened to any more.
 *
 * Rules: a message counts for the seat that its sender holds in the vShard's committee, and for nothing where it holds
 * none; who sends too much, or too much that is wrong, is cut off for a while (`PeerGuard`); of one peer's transactions
 * so many wait to be verified and the rest is dropped; it is answered one request for blocks at a time.
 */
export class Peers {
  readonly #transport: Transport
  readonly #handlers: PeerHandlers
  readonly #log: Log
  /** By vShard: seat of each peer, and peer of each seat. */
  readonly #seats: Map<
    number,
    { readonly ofPeer: Map<number, number>; readonly peerAt: readonly (number | undefined)[] }
  > = new Map()
  readonly #guard: PeerGuard
  readonly #waiting: Map<number, number> = new Map()
  readonly #answering: Set<number> = new Set()
  /** Where each vShard stood when it last moved. */
  readonly #moved: Map<number, { readonly height: number; readonly atMs: number }> = new Map()
  /** Transactions that waited at the last look. */
  #waited: ReadonlySet<Uint8Array> = new Set()
  #watch: NodeJS.Timeout | undefined
  #asked = 0
  #cutOffs = 0

  /** Peers have the numbers of the main shard's seats. */
  constructor(transport: Transport, layout: Layout, handlers: PeerHandlers, log: Log) {
    this.#transport = transport
    this.#handlers = handlers
    this.#log = log
    // What a correct peer has to say grows with the vShards that it decides on.
    const { messagesPerSecond, messagesBurst, ...limits } = DEFAULT_PEER_LIMITS
    const { length: shards } = layout.shards
    this.#guard = new PeerGuard({
      ...limits,
      messagesPerSecond: shards * messagesPerSecond,
      messagesBurst: shards * messagesBurst,
    })
    const numbers = new Map(
      (layout.shards[0]?.validators ?? []).map(({ publicKey }, number) => [toHex(publicKey), number]),
    )
    for (const { key, validators } of layout.shards) {
      const peerAt = validators.map(({ publicKey }) => numbers.get(toHex(publicKey)))
      const ofPeer = new Map(peerAt.flatMap((peer, seat) => (peer === undefined ? [] : [[peer, seat] as const])))
      this.#seats.set(key.vShard, { ofPeer, peerAt })
    }
    transport.listen((from, bytes) => this.#receive(from, bytes))
  }

  /** How often a peer was cut off. */
  get cutOffs(): number {
    return this.#cutOffs
  }

  sendToEngine(vShard: number, to: number | 'all', bytes: Uint8Array): void {
    const framed = encodePeerMessage({ kind: PeerKind.engine, vShard, bytes })
    const seats = this.#seats.get(vShard)
    if (to !== 'all') {
      const peer = seats?.peerAt[to]
      if (peer !== undefined) this.#send(peer, framed)
      return
    }
    for (const peer of seats?.ofPeer.keys() ?? []) this.#send(peer, framed)
  }

  /** Tells all others of transactions that were accepted here. */
  gossip(transactions: readonly Uint8Array[]): void {
    if (transactions.length === 0) return
    const framed = encodePeerMessage({ kind: PeerKind.transactions, transactions })
    for (const peer of this.#transport.peers) this.#send(peer, framed)
  }

  /** Asks the next of the others in turn. */
  requestBlocks(vShard: number, fromHeight: number): void {
    const { peers } = this.#transport
    const peer = peers[this.#asked++ % Math.max(1, peers.length)]
    if (peer !== undefined) this.#send(peer, encodePeerMessage({ kind: PeerKind.wantBlocks, vShard, fromHeight }))
  }

  /** Whoever sits there has sent what no correct node sends. */
  blameSeat(vShard: number, seat: number, reason: string): void {
    const peer = this.#seats.get(vShard)?.peerAt[seat]
    if (peer !== undefined) this.#blame(peer, reason)
  }

  /**
   * Begins to look after vShards that stand still, as a node that is cut off from an engine's messages may not know of
   * it, and after transactions that wait for long: those who have not heard of them are told again.
   */
  start(): void {
    this.#watch ??= setInterval(() => this.#lookAround(), SYNC_EVERY_MS).unref()
  }

  close(): void {
    clearInterval(this.#watch)
    this.#transport.close()
  }

  #lookAround(): void {
    const atMs = performance.now()
    for (const vShard of this.#seats.keys()) {
      const height = this.#handlers.finalHeight(vShard)
      const moved = this.#moved.get(vShard)
      if (moved?.height !== height) this.#moved.set(vShard, { height, atMs })
      else if (atMs - moved.atMs > SYNC_STALLED_MS) this.requestBlocks(vShard, height + 1)
    }
    const waiting = new Set<Uint8Array>()
    for (const transaction of this.#handlers.waiting()) {
      if (waiting.size === GOSSIP_AGAIN_MAX) break
      waiting.add(transaction)
    }
    this.gossip([...waiting].filter((transaction) => this.#waited.has(transaction)))
    this.#waited = waiting
  }

  #send(peer: number, framed: Uint8Array): void {
    if (peer !== this.#transport.self) this.#transport.send(peer, framed)
  }

  #receive(from: number, framed: Uint8Array): void {
    const heard = this.#guard.admit(performance.now(), from, framed.length)
    if (heard === 'cut-off-now') this.#cutOff(from, 'more than any correct peer has to say')
    if (heard !== 'heard') return
    const message = decodePeerMessage(framed)
    if (message === undefined) return this.#blame(from, 'a message that is malformed')
    switch (message.kind) {
      case PeerKind.engine:
      case PeerKind.blocks: {
        const seat = this.#seats.get(message.vShard)?.ofPeer.get(from)
        if (seat === undefined) return this.#blame(from, 'a message for a vShard in which it has no seat')
        if (message.kind === PeerKind.engine) return this.#handlers.engine(message.vShard, seat, message.bytes)
        return this.#handlers.blocks(message.vShard, seat, message.blocks)
      }
      case PeerKind.transactions:
        return this.#take(from, message.transactions)
      case PeerKind.wantBlocks:
        if (!this.#answering.has(from)) void this.#answer(from, message)
    }
  }

  #take(from: number, transactions: readonly Uint8Array[]): void {
    const waiting = this.#waiting.get(from) ?? 0
    if (waiting + transactions.length > PEER_TRANSACTIONS_WAITING_MAX) return
    this.#waiting.set(from, waiting + transactions.length)
    this.#handlers
      .transactions(transactions)
      .catch((error: unknown) => this.#log.warn('transactions of a peer were not taken', { error: String(error) }))
      .finally(() => this.#waiting.set(from, (this.#waiting.get(from) ?? 0) - transactions.length))
  }

  async #answer(
    from: number,
    { vShard, fromHeight }: PeerMessage & { kind: typeof PeerKind.wantBlocks },
  ): Promise<void> {
    this.#answering.add(from)
    try {
      const blocks: Uint8Array[] = []
      let sizeBytes = 0
      while (blocks.length < SYNC_BLOCKS_MAX && sizeBytes < SYNC_BYTES_MAX) {
        const block = await this.#handlers.block(vShard, fromHeight + blocks.length)
        if (block === undefined) break
        blocks.push(block)
        sizeBytes += block.length
      }
      if (blocks.length > 0) this.#send(from, encodePeerMessage({ kind: PeerKind.blocks, vShard, blocks }))
    } catch (error) {
      this.#log.warn('a peer could not be sent blocks', { peer: from, error: String(error) })
    } finally {
      this.#answering.delete(from)
    }
  }

  #blame(peer: number, reason: string): void {
    if (this.#guard.blame(performance.now(), peer)) this.#cutOff(peer, reason)
  }

  #cutOff(peer: number, reason: string): void {
    const { cutOffMs } = DEFAULT_PEER_LIMITS
    this.#cutOffs++
    this.#transport.cutOff(peer, cutOffMs)
    this.#log.warn('a peer is not listened to any more', { peer, reason, forMs: cutOffMs })
  }
}
