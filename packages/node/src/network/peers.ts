import { DEFAULT_PEER_LIMITS, PeerGuard, verifyCertificate } from '@armchain/consensus'
import { headCodec, isArmError, toHex } from '@armchain/core'
import type { Verdict } from '@armchain/network'
import type { Layout, ShardDescriptor } from '@armchain/shard'
import type { IntakeResult } from '../chain/intake.ts'
import {
  GOSSIP_AGAIN_MAX,
  PEER_TRANSACTIONS_WAITING_MAX,
  SYNC_BLOCKS_MAX,
  SYNC_BYTES_MAX,
  SYNC_EVERY_MS,
  TOLD_AGAIN_PEERS,
  VOTE_BYTES_MAX,
} from '../limits.ts'
import type { Log } from '../log.ts'
import { type Behind, BlockSync } from './block-sync.ts'
import { framedBatches } from './transaction-batches.ts'
import type { Lane, Transport } from './transport.ts'
import { type CertifiedHead, decodePeerMessage, encodePeerMessage, PeerKind, type PeerMessage } from './wire.ts'

/**
 * What the messages of other nodes are for. Senders have places in a vShard: those with a seat in its committee that
 * seat, all others a number above the seats.
 */
export type PeerHandlers = {
  readonly engine: (vShard: number, seat: number, bytes: Uint8Array) => void
  readonly blocks: (vShard: number, place: number, blocks: readonly Uint8Array[]) => void
  readonly transactions: (transactions: readonly Uint8Array[]) => Promise<readonly IntakeResult[]>
  /** Last height of a vShard that is final here. */
  readonly finalHeight: (vShard: number) => number
  /** The latest final head of a vShard here. */
  readonly latestHead: (vShard: number) => Omit<CertifiedHead, 'vShard'> | undefined
  /** Whether this node has a seat in a vShard's committee. */
  readonly decides: (vShard: number) => boolean
  /** Transactions that wait in this node's pools, the longest waiting first. */
  readonly waiting: () => Iterable<{ readonly vShard: number; readonly bytes: Uint8Array }>
  /** A final block of this node that is durable, as a log record has it. */
  readonly block: (vShard: number, height: number) => Promise<Uint8Array | undefined>
}

/** Transactions of a vShard as they are broadcast. */
type Batch = { readonly vShard: number; readonly transactions: readonly Uint8Array[] }

/**
 * A node's side of the network: who sits where, what is sent to whom, and who is not listened to any more.
 *
 * Rules: a message of an engine counts for the seat that its sender holds in the vShard's committee; blocks, heads and
 * transactions prove themselves, whoever brings them; who sends too much, or too much that is wrong, is cut off for a
 * while (`PeerGuard`); of one peer's transactions so many wait to be verified and the rest is dropped; it is answered one
 * request for blocks of a vShard at a time. The proposer of a final block tells everyone of its head; where that was lost, a
 * validator that looks around tells again.
 */
export class Peers {
  readonly #transport: Transport
  readonly #layout: Layout
  readonly #handlers: PeerHandlers
  readonly #log: Log
  readonly #places: Map<number, Places>
  readonly #sync: BlockSync
  readonly #guard: PeerGuard
  readonly #waiting: Map<number, number> = new Map()
  /** Peers that are being sent blocks, by vShard. */
  readonly #answering: Map<number, Set<number>>
  /** Highest head of each vShard that was told of, by anyone. */
  readonly #told: Map<number, number> = new Map()
  /** Transactions that waited at the last look. */
  #waited: ReadonlySet<Uint8Array> = new Set()
  #watch: NodeJS.Timeout | undefined
  /** Whose turn it is to be reminded. */
  #turn = 0
  #cutOffs = 0

  /** Validators have the numbers of the main shard's seats. */
  constructor(transport: Transport, layout: Layout, handlers: PeerHandlers, log: Log) {
    this.#transport = transport
    this.#layout = layout
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
    this.#answering = new Map(layout.shards.map(({ key }) => [key.vShard, new Set()]))
    this.#places = new Map(layout.shards.map((shard) => [shard.key.vShard, placesOf(shard, numbers)]))
    const { finalHeight, decides } = handlers
    this.#sync = new BlockSync(
      {
        vShards: layout.shards.map(({ key }) => key.vShard),
        finalHeight,
        decides,
        peers: () => transport.peers,
        ask: (peer, vShard, fromHeight) =>
          this.#send(peer, encodePeerMessage({ kind: PeerKind.wantBlocks, vShard, fromHeight }), 'sync'),
      },
      performance.now(),
    )
    transport.listen((from, bytes) => this.#receive(from, bytes))
    // Who has just started has nobody to ask before.
    transport.watch(() => this.#sync.look(performance.now()))
  }

  /** vShards of which certified heads are ahead of what is final here. */
  get behind(): readonly Behind[] {
    return this.#sync.behind
  }

  /** How often a peer was cut off. */
  get cutOffs(): number {
    return this.#cutOffs
  }

  sendToEngine(vShard: number, to: number | 'all', bytes: Uint8Array): void {
    // Of who has no seat nobody takes it: an engine that only follows asks too, and is answered by `BlockSync` instead.
    if (!this.#handlers.decides(vShard)) return
    const framed = encodePeerMessage({ kind: PeerKind.engine, vShard, bytes })
    // A block that is on its way must not hold up votes.
    const lane = bytes.length > VOTE_BYTES_MAX ? 'headers' : 'votes'
    const places = this.#places.get(vShard)
    if (to !== 'all') {
      const peer = places?.peerAt[to]
      if (peer !== undefined) this.#send(peer, framed, lane)
      return
    }
    for (const peer of places?.seatOf.keys() ?? []) this.#send(peer, framed, lane)
  }

  /** Tells all others of transactions that were accepted here. */
  gossip(batches: Iterable<Batch>): void {
    for (const { vShard, transactions } of batches)
      for (const framed of framedBatches(transactions)) this.#transport.broadcast(vShard, 'transactions', framed)
  }

  /** Tells all others of a head that is final and durable here. */
  tell(head: CertifiedHead, height: number): void {
    this.#toldOf(head.vShard, height)
    this.#transport.broadcast(head.vShard, 'heads', encodePeerMessage({ kind: PeerKind.head, ...head }))
  }

  requestBlocks(vShard: number): void {
    this.#sync.request(performance.now(), vShard)
  }

  /** Whoever has that place has sent what no correct node sends. */
  blame(vShard: number, place: number, reason: string): void {
    const places = this.#places.get(vShard)
    if (places === undefined) return
    const { peerAt } = places
    const peer = place < peerAt.length ? peerAt[place] : place - peerAt.length
    if (peer !== undefined) this.#blame(peer, reason)
  }

  /**
   * Begins to look after vShards that stand still, as a node that is cut off from an engine's messages may not know of
   * it, and after transactions that wait for long: those who have not heard of them are told again.
   */
  start(): void {
    this.#lookAround()
    this.#watch ??= setInterval(() => this.#lookAround(), SYNC_EVERY_MS).unref()
  }

  close(): void {
    clearInterval(this.#watch)
    this.#transport.close()
  }

  #lookAround(): void {
    this.#sync.look(performance.now())
    this.#tellAgain()
    const waiting = new Set<Uint8Array>()
    const again: Uint8Array[] = []
    for (const { bytes } of this.#handlers.waiting()) {
      if (waiting.size === GOSSIP_AGAIN_MAX) break
      waiting.add(bytes)
      if (this.#waited.has(bytes)) again.push(bytes)
    }
    this.#remind(again)
    this.#waited = waiting
  }

  /**
   * Tells some others of transactions again. Not by a broadcast: whoever has passed one on does not do so again for a
   * while, and those behind it may be the ones who have not heard of it.
   */
  #remind(transactions: readonly Uint8Array[]): void {
    const { peers } = this.#transport
    const count = Math.min(TOLD_AGAIN_PEERS, peers.length)
    const reminded = Array.from({ length: count }, () => peers[this.#turn++ % peers.length] as number)
    for (const framed of framedBatches(transactions))
      for (const peer of reminded) this.#send(peer, framed, 'transactions')
  }

  /** Of heads that nobody has told of since the last look: their proposer may be gone. */
  #tellAgain(): void {
    for (const vShard of this.#places.keys()) {
      if (!this.#handlers.decides(vShard)) continue
      const latest = this.#handlers.latestHead(vShard)
      if (latest === undefined) continue
      const { height } = headCodec.decode(latest.head)
      if (height > (this.#told.get(vShard) ?? 0)) this.tell({ vShard, ...latest }, height)
    }
  }

  #toldOf(vShard: number, height: number): void {
    this.#told.set(vShard, Math.max(height, this.#told.get(vShard) ?? 0))
  }

  #send(peer: number, framed: Uint8Array, lane: Lane): void {
    if (peer !== this.#transport.self) this.#transport.send(peer, framed, lane)
  }

  #receive(from: number, framed: Uint8Array): Verdict | Promise<Verdict> {
    const heard = this.#guard.admit(performance.now(), from, framed.length)
    if (heard === 'cut-off-now') this.#cutOff(from, 'more than any correct peer has to say')
    if (heard !== 'heard') return 'ignore'
    const message = decodePeerMessage(framed)
    if (message === undefined) return this.#blame(from, 'a message that is malformed')
    switch (message.kind) {
      case PeerKind.engine: {
        const seat = this.#places.get(message.vShard)?.seatOf.get(from)
        if (seat === undefined) return this.#blame(from, 'a message for a vShard in which it has no seat')
        this.#handlers.engine(message.vShard, seat, message.bytes)
        return 'accept'
      }
      case PeerKind.blocks:
        return this.#takeBlocks(from, message)
      case PeerKind.transactions:
        return this.#takeTransactions(from, message.transactions)
      case PeerKind.head:
        return this.#takeHead(from, message)
      case PeerKind.wantBlocks:
        return this.#takeRequest(from, message)
    }
  }

  #takeBlocks(from: number, { vShard, blocks }: PeerMessage & { kind: typeof PeerKind.blocks }): Verdict {
    const places = this.#places.get(vShard)
    if (places === undefined) return this.#blame(from, 'blocks of a vShard that there is not')
    if (blocks.length > 0) {
      const place = places.seatOf.get(from) ?? places.peerAt.length + from
      this.#handlers.blocks(vShard, place, blocks)
    }
    this.#sync.answered(performance.now(), vShard, from, blocks.length)
    return 'accept'
  }

  async #takeTransactions(from: number, transactions: readonly Uint8Array[]): Promise<Verdict> {
    const waiting = this.#waiting.get(from) ?? 0
    if (waiting + transactions.length > PEER_TRANSACTIONS_WAITING_MAX) return 'ignore'
    this.#waiting.set(from, waiting + transactions.length)
    try {
      const results = await this.#handlers.transactions(transactions)
      if (results.some((result) => !result.ok && FORGED.has(result.code)))
        return this.#blame(from, 'a transaction that nobody has signed')
      return results.some(({ ok }) => ok) ? 'accept' : 'ignore'
    } catch (error) {
      this.#log.warn('transactions of a peer were not taken', { error: String(error) })
      return 'ignore'
    } finally {
      const left = (this.#waiting.get(from) ?? 0) - transactions.length
      if (left > 0) this.#waiting.set(from, left)
      else this.#waiting.delete(from)
    }
  }

  #takeHead(from: number, { vShard, head, certificate }: CertifiedHead): Verdict {
    const places = this.#places.get(vShard)
    if (places === undefined) return this.#blame(from, 'the head of a vShard that there is not')
    try {
      const { height } = headCodec.decode(head)
      if (height <= (this.#told.get(vShard) ?? 0)) return 'ignore'
    } catch (error) {
      if (!isArmError(error)) throw error
      return this.#blame(from, 'a head that is malformed')
    }
    const { genesisHash, schemaVersion } = this.#layout
    const certified = verifyCertificate(head, certificate, { genesisHash, schemaVersion, committee: places.committee })
    if (!certified.ok) return this.#blame(from, `a head that is not final: ${certified.reason.message}`)
    const { shard, height } = certified.value
    if (shard.vShard !== vShard) return this.#blame(from, 'the head of another vShard')
    this.#toldOf(vShard, height)
    this.#sync.heard(performance.now(), vShard, height, from)
    return 'accept'
  }

  #takeRequest(from: number, { vShard, fromHeight }: PeerMessage & { kind: typeof PeerKind.wantBlocks }): Verdict {
    const answering = this.#answering.get(vShard)
    if (answering === undefined) return this.#blame(from, 'a request for blocks of a vShard that there is not')
    if (answering.has(from)) return 'ignore'
    answering.add(from)
    void this.#answer(from, vShard, fromHeight).finally(() => answering.delete(from))
    return 'accept'
  }

  async #answer(from: number, vShard: number, fromHeight: number): Promise<void> {
    try {
      const blocks: Uint8Array[] = []
      let sizeBytes = 0
      while (blocks.length < SYNC_BLOCKS_MAX && sizeBytes < SYNC_BYTES_MAX) {
        const block = await this.#handlers.block(vShard, fromHeight + blocks.length)
        if (block === undefined) break
        blocks.push(block)
        sizeBytes += block.length
      }
      this.#send(from, encodePeerMessage({ kind: PeerKind.blocks, vShard, blocks }), 'sync')
    } catch (error) {
      this.#log.warn('a peer could not be sent blocks', { peer: from, error: String(error) })
    }
  }

  #blame(peer: number, reason: string): 'reject' {
    if (this.#guard.blame(performance.now(), peer)) this.#cutOff(peer, reason)
    return 'reject'
  }

  #cutOff(peer: number, reason: string): void {
    const { cutOffMs } = DEFAULT_PEER_LIMITS
    this.#cutOffs++
    this.#transport.cutOff(peer, cutOffMs)
    this.#log.warn('a peer is not listened to any more', { peer, reason, forMs: cutOffMs })
  }
}

/** What no correct node passes on. */
const FORGED: ReadonlySet<string> = new Set(['ARM_TX_DECODE', 'ARM_TX_SIGNATURE', 'ARM_TX_KEY'])

/** Who sits in a vShard's committee. */
type Places = {
  readonly committee: ShardDescriptor['committee']
  readonly seatOf: ReadonlyMap<number, number>
  readonly peerAt: readonly (number | undefined)[]
}

function placesOf({ committee, validators }: ShardDescriptor, numbers: ReadonlyMap<string, number>): Places {
  const peerAt = validators.map(({ publicKey }) => numbers.get(toHex(publicKey)))
  const seatOf = new Map(peerAt.flatMap((peer, seat) => (peer === undefined ? [] : [[peer, seat] as const])))
  return { committee, seatOf, peerAt }
}
