/** Named limits of a node, each with its reason. */
import { limits } from '@armchain/core'

/** Limits of the RPC server; a node's operator may set others. */
export type RpcLimits = {
  readonly bodyBytes: number
  readonly frameBytes: number
  readonly heldBytes: number
  readonly heldFreeBytes: number
  readonly batchCalls: number
  readonly answerBytes: number
  readonly batchAnswerBytes: number
  readonly batchWorkMs: number
  readonly callsPerBatch: number
  readonly runningCalls: number
  readonly turnMs: number
  readonly inFlightRequests: number
  readonly inFlightPerSocket: number
  readonly queuedPerSocket: number
  readonly waits: number
  readonly waitsPerConnection: number
  readonly pipelinedRequests: number
  readonly connections: number
  readonly subscriptionsPerSocket: number
  readonly subscriptionQueueEvents: number
  readonly socketBufferBytes: number
  readonly submitCalls: number
  readonly headersTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly heartbeatMs: number
  readonly closeGraceMs: number
}

export const RPC_LIMITS: RpcLimits = {
  /** One request: more than 2,000 ordinary transfers in hex, and a dozen of the largest transactions. */
  bodyBytes: 8 * 1024 * 1024,
  /** One WebSocket message: as many connections may each be in the middle of one. */
  frameBytes: 1024 * 1024,
  /** Requests and answers that are held at a time, on all connections, beyond what is free for each. */
  heldBytes: 256 * 1024 * 1024,
  /** Free for each request: a batch of 500 ordinary transfers in hex, and any ordinary answer. */
  heldFreeBytes: 512 * 1024,
  /** Calls of one batch: bounds how long one client holds the main thread. */
  batchCalls: 2_000,
  /** One answer: a block of the largest size in hex fits. */
  answerBytes: 96 * 1024 * 1024,
  /** The answers of one batch before no more of its calls begin: what is put together and sent in one piece. */
  batchAnswerBytes: 24 * 1024 * 1024,
  /** Time that the calls of one batch may take of the node: no honest batch comes near, and a costly one ends. */
  batchWorkMs: 5_000,
  /** Calls of one batch that run at a time: enough to keep history's thread busy, and one batch leaves room for others. */
  callsPerBatch: 4,
  /** Calls that run at a time, of all requests: each may hold an answer of the largest size. */
  runningCalls: 8,
  /** Calls that begin in one turn of the event loop: sockets are served at least so often. */
  turnMs: 10,
  /** Requests being worked on, on all connections; those that only wait are limited by `waits`. */
  inFlightRequests: 4_096,
  /** Requests of one WebSocket that are worked on; more wait for their turn. */
  inFlightPerSocket: 128,
  /** Requests of one WebSocket that wait for their turn; it is read on, as what it says of itself matters, and more are refused. */
  queuedPerSocket: 1_024,
  /** Waits for receipts and the like, on all connections, before each has only its share: about a kilobyte each. */
  waits: 50_000,
  /** Waits of one connection: a whole batch of them. */
  waitsPerConnection: 2_048,
  /** Requests that one HTTP connection may send ahead of the answers: browsers and libraries send none. */
  pipelinedRequests: 32,
  /** HTTP and WebSocket together, well below the usual 1,024 file descriptors less the store's. */
  connections: 512,
  subscriptionsPerSocket: 256,
  /** Events that wait for a slow reader before its subscription is closed. */
  subscriptionQueueEvents: 1_024,
  /** What one WebSocket may leave unread; a socket with four times as much is cut. */
  socketBufferBytes: 4 * 1024 * 1024,
  /** Transactions of one binary submit. */
  submitCalls: 20_000,
  /** A client that trickles its headers, or its body, is cut: slow loris. */
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  /** A WebSocket that did not answer the last ping is cut. */
  heartbeatMs: 30_000,
  /** What is in flight at a close has this long to be answered. */
  closeGraceMs: 1_000,
}

/** Nesting of params: deeper JSON serves only to exhaust stacks. */
export const RPC_DEPTH_MAX = 32
/** Bodies beyond this are checked for depth before they are parsed; smaller ones cannot hold the thread for long. */
export const RPC_DEPTH_SCAN_BYTES: number = 512 * 1024
/** Length of a request id in characters: it is echoed. */
export const RPC_ID_LENGTH_MAX = 256
/** Transactions of one batch share chunks of this size: few allocations, and a kept transaction pins no more than this. */
export const RPC_CHUNK_BYTES: number = 16 * 1024
/** An oversized body is read to its end, so that the client sees the refusal, but no further than this many times the limit. */
export const RPC_DRAIN_FACTOR = 8

/** One log record's payload: a block's largest body with its receipts fits. */
export const WAL_RECORD_BYTES_MAX: number = 64 * 1024 * 1024
/** Records waiting for a flush, framed: a caller that gets here does not flush, and would fill the memory. */
export const WAL_PENDING_BYTES_MAX: number = 128 * 1024 * 1024
/** A log segment is closed when the next record would pass this size: bounds what one damaged file can hold. */
export const WAL_SEGMENT_BYTES_MAX: number = 256 * 1024 * 1024
/** The write buffer that the log keeps between flushes; a larger one is given back to the system. */
export const WAL_KEPT_BUFFER_BYTES_MAX: number = 16 * 1024 * 1024
/** One chunk of a snapshot: what a reader must hold at once. */
export const SNAPSHOT_CHUNK_BYTES_MAX: number = 16 * 1024 * 1024
/** The caller's part of a snapshot's header. */
export const SNAPSHOT_META_BYTES_MAX: number = 16 * 1024 * 1024
/** Blocks on their way to the archive's worker: `putBlock` refuses beyond it, so that a slow disk cannot fill the memory. */
export const ARCHIVE_BACKLOG_BYTES_MAX: number = 256 * 1024 * 1024
/** Buffers kept for the next blocks on their way to the archive: those of a busy chain, and no burst's. */
export const ARCHIVE_SPARE_BYTES_MAX: number = 16 * 1024 * 1024
/** Blocks that the archive's worker writes as one batch, in bytes: amortises small blocks, bounds the batch. */
export const ARCHIVE_BATCH_BYTES_MAX: number = 4 * 1024 * 1024

/** Of the index of transactions. */
export type TxIndexLimits = {
  readonly tableRecords: number
  readonly blockRecords: number
  readonly mergeRuns: number
  readonly sliceRecords: number
  readonly runsMax: number
}

export const TX_INDEX_LIMITS: TxIndexLimits = {
  /** Transactions in memory, 32 bytes each and twice, before they become a run: what a restart after a crash reads again. */
  tableRecords: 131_072,
  /** As many a block counts for, as reading it again takes time whatever is in it. */
  blockRecords: 16,
  /** Runs that are merged at once: with more a transaction is written less often, and a look costs more pages. */
  mergeRuns: 8,
  /** Records merged before the thread does other work: about a millisecond. */
  sliceRecords: 16_384,
  /** Runs before blocks wait for them to be merged: seven of each level for 10^11 transactions, and some that wait. */
  runsMax: 64,
}

/** Transactions verified as one job, about ten milliseconds of a thread: in larger batches a signature costs no less. */
export const INTAKE_BATCH = 1_024
/** Batches of one request that are verified at a time: enough to keep the threads busy, about a tenth of a second if all is forged. */
export const INTAKE_BATCHES_IN_FLIGHT = 3
/** How long a transaction ahead of its nonce waits for what is missing: requests side by side arrive in any order. */
export const INTAKE_GAP_MS = 1_500
/** Transactions that wait so; beyond it a gap is refused at once. */
export const INTAKE_PARKED_MAX = 20_000
/** Of them, those of one account on one vShard: as many as its pool takes. */
export const INTAKE_PARKED_PER_ACCOUNT_MAX = 4_096
/** Decoded blocks kept for queries, in bytes of their bodies. */
export const RECENT_BLOCKS_BYTES: number = 64 * 1024 * 1024
/** Addresses kept as text, a quarter of a kilobyte each: the senders of a large block. */
export const ADDRESSES_KEPT = 65_536
/** Transactions that are made ready to be shown in one turn of the event loop. */
export const VIEWS_PER_TURN = 64
/** Imports, and anchors, that traces can follow without reading history. */
export const TRACE_ENTRIES_MAX = 200_000
/** Log written since the last snapshot before a new one is taken; as much as the last one has, where that is more. */
export const SNAPSHOT_EVERY_BYTES: number = 64 * 1024 * 1024
/** Snapshots of a development chain that are remembered. */
export const DEV_SNAPSHOTS_MAX = 32
/** History that may wait to be written before publication pauses: half of what the archive can hold. */
export const ARCHIVE_PAUSE_BYTES: number = 128 * 1024 * 1024
/** What a block costs by itself, in ms of a core, with its share of the main-shard block that anchors it: `bench:stages --empty`. */
export const BLOCK_COST_MS = 0.8
/** Part of a core that blocks by themselves may take of a busy process: less than transfers differ by from run to run. */
export const BLOCKS_COST_PART = 0.05
/** A thread that works for more of its time is busy: what arrives then waits for others in any case. */
export const BUSY_PART = 0.5
/** Blocks of a busy process are no further apart: what a payment waits for at most beyond its turn, and well below a second. */
export const BUSY_BLOCKS_APART_MS_MAX = 400
/** Log of blocks that are not published yet before no more are made: a quarter of what the log can hold unwritten. */
export const UNPUBLISHED_BYTES_MAX: number = 32 * 1024 * 1024

/** One message between nodes: a block with its frame. */
export const MESSAGE_BYTES_MAX: number = 65 * 1024 * 1024
/** An engine's message of more is a block, or many of them: it travels apart from votes. */
export const VOTE_BYTES_MAX: number = 16 * 1024
/**
 * Transactions that are told of at once, in bytes, unless one alone is larger, and none is: a tenth of a second on a line
 * of 10 Mbit/s, and enough for a batch of signatures.
 */
export const BATCH_BYTES_MAX: number = limits.TX_BYTES_MAX
/** What each transaction takes of a batch beside its own bytes. */
export const BATCH_ITEM_BYTES = 5
/** Of a message between nodes beside what it carries: kind, vShard, the length of a list and of one item. */
export const PEER_FRAME_BYTES = 64
/** One message to one peer over a network: an answer with blocks, or what an engine answers, and the block beyond. */
export const DIRECT_MESSAGE_BYTES_MAX: number = 15 * 1024 * 1024
/** Largest block of a chain whose nodes talk over a network: it has room in an answer that is full but for a byte. */
export const NETWORK_BLOCK_BYTES_MAX: number = 6 * 1024 * 1024
/** Peers without a seat that are remembered while they are gone: several times as many as there are connections. */
export const PEERS_NUMBERED_MAX = 2_048
/** Whom a node tells again of what it was told of and has not seen in a block or at a peer: each look others, so all in the end. */
export const TOLD_AGAIN_PEERS = 4
/** Certificate of a head: the proof, whose own limit is below 64 KiB, and 128 heads on top of it. */
export const CERTIFICATE_BYTES_MAX: number = 72 * 1024
/** Transactions, or blocks, of one message between nodes. */
export const PEER_ITEMS_MAX: number = 65_536
/** Transactions of one peer that wait to be verified: some of the pool's size, as they are no loss to who sent them. */
export const PEER_TRANSACTIONS_WAITING_MAX = 50_000
/** Final blocks sent in one answer, and their bytes. */
export const SYNC_BLOCKS_MAX = 64
export const SYNC_BYTES_MAX: number = 8 * 1024 * 1024
/** A vShard that stood still for so long may be behind without knowing: a peer is asked. Above the longest idle pace. */
export const SYNC_STALLED_MS = 15_000
/** A vShard whose certified heads are ahead of it for so long does not catch up by itself: a peer is asked. */
export const SYNC_BEHIND_MS = 2_000
/** Who has not answered by then is not waited for: the next peer is asked. Eight megabytes over a slow link take seconds. */
export const SYNC_ANSWER_MS = 5_000
/** How often that is looked at, and how long a transaction waits at least before others are told of it again. */
export const SYNC_EVERY_MS = 1_000
/** Transactions that others are told of again at once: each costs them a signature check. */
export const GOSSIP_AGAIN_MAX = 1_024
/** Bytes under way on one link within a process: what does not fit is lost, as in a network. */
export const LOCAL_LINK_BYTES_MAX: number = 128 * 1024 * 1024
/** How long messages are delivered before the event loop has its turn: with one message more, the delay a flood can cause. */
export const LOCAL_TURN_MS = 4
/** Views that the guard reserves ahead: a file is written once in so many votes, and whoever has lost its log waits for as many. */
export const GUARD_VIEWS_AHEAD = 16
