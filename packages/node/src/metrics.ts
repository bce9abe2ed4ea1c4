import { monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { Counter, Gauge, Histogram, Registry } from 'prom-client'
import { networkGauges } from './network/network-gauges.ts'
import type { TransportStats } from './network/transport.ts'

/** What the RPC server counts. */
export interface RpcMetrics {
  answered(method: string, outcome: string, count: number, seconds: number): void
  submitted(outcome: string, count: number): void
  connections(kind: 'http' | 'ws', change: number): void
  subscriptions(change: number): void
  droppedEvents(count: number): void
}

export type BlockSample = {
  readonly shard: string
  readonly height: number
  readonly transactions: number
  readonly imports: number
  readonly gasUsed: number
  readonly sizeBytes: number
  /** From taking transactions out of the pool to the record being synced. */
  readonly seconds: number
}

export type ShardSample = {
  readonly shard: string
  readonly anchoredHeight: number
  readonly poolTransactions: number
  readonly accounts: number
  /** Blocks that are executed and not final. */
  readonly candidates: number
  /** What the engine keeps because of what others send, by name. */
  readonly engine: readonly { readonly name: string; readonly size: number }[]
}

export interface NodeMetrics {
  readonly registry: Registry
  readonly rpc: RpcMetrics
  block(sample: BlockSample): void
  /** `sample` is asked at each scrape, so that gauges cost nothing in between. */
  observe(
    sample: () => {
      readonly shards: readonly ShardSample[]
      readonly walBytes: number
      readonly archiveBacklogBytes: number
      /** How often a peer was cut off. */
      readonly cutOffs: number
    },
  ): void
  /** The same for the network. */
  observeNetwork(sample: () => Promise<TransportStats | undefined>): void
  /** Prometheus text. */
  text(): Promise<string>
  readonly contentType: string
  close(): void
}

/** From a tenth of a millisecond to ten seconds. */
const SECONDS_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10]
/** How often the event loop's lag is sampled: finer costs more than it shows. */
const LAG_RESOLUTION_MS = 20
const NANOSECONDS = 1e9

/** Metrics of one node, in a registry of their own so that several nodes can live in one process. */
export function createMetrics(): NodeMetrics {
  const registry = new Registry()
  const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS })
  lag.enable()
  processGauges(registry, lag)
  const shards = shardGauges(registry)
  const network = networkGauges(registry)
  return {
    registry,
    rpc: rpcMetrics(registry),
    block: blockMetrics(registry),
    observe: shards.observe,
    observeNetwork: network.observe,
    async text() {
      await network.refresh()
      // Not from a gauge's own `collect`: the library calls those side by side, so others would be a scrape behind.
      shards.refresh()
      return registry.metrics()
    },
    contentType: registry.contentType,
    close: () => lag.disable(),
  }
}

function rpcMetrics(registry: Registry): RpcMetrics {
  const registers = [registry]
  const requests = new Counter({
    name: 'armchain_rpc_requests_total',
    help: 'RPC calls by method and outcome (ok or an error code)',
    labelNames: ['method', 'outcome'],
    registers,
  })
  const seconds = new Histogram({
    name: 'armchain_rpc_seconds',
    help: 'Time to answer, by method',
    labelNames: ['method'],
    buckets: SECONDS_BUCKETS,
    registers,
  })
  const submits = new Counter({
    name: 'armchain_submitted_transactions_total',
    help: 'Transactions handed in, by outcome',
    labelNames: ['outcome'],
    registers,
  })
  const connections = new Gauge({
    name: 'armchain_rpc_connections',
    help: 'Open connections',
    labelNames: ['kind'],
    registers,
  })
  const subscriptions = new Gauge({ name: 'armchain_rpc_subscriptions', help: 'Open subscriptions', registers })
  const dropped = new Counter({
    name: 'armchain_rpc_dropped_events_total',
    help: 'Events not delivered to readers that were too slow',
    registers,
  })
  const requestsOf = remembered<Counter.Internal>()
  const secondsOf = remembered<Histogram.Internal<string>>()
  const submitsOf = remembered<Counter.Internal>()
  return {
    answered(method, outcome, count, elapsed) {
      requestsOf(`${method} ${outcome}`, () => requests.labels(method, outcome)).inc(count)
      secondsOf(method, () => seconds.labels(method)).observe(elapsed)
    },
    submitted: (outcome, count) => submitsOf(outcome, () => submits.labels(outcome)).inc(count),
    connections: (kind, change) => connections.inc({ kind }, change),
    subscriptions: (change) => subscriptions.inc(change),
    droppedEvents: (count) => dropped.inc(count),
  }
}

/** Finding a labelled child costs the library a hash of its labels, which the hot path need not pay each time. */
function remembered<Child>(): (key: string, find: () => Child) => Child {
  const children = new Map<string, Child>()
  return (key, find) => {
    let child = children.get(key)
    if (child === undefined) {
      child = find()
      children.set(key, child)
    }
    return child
  }
}

function blockMetrics(registry: Registry): (sample: BlockSample) => void {
  const shared: { labelNames: 'shard'[]; registers: Registry[] } = { labelNames: ['shard'], registers: [registry] }
  const height = new Gauge({ name: 'armchain_block_height', help: 'Latest durable height', ...shared })
  const transactions = new Counter({ name: 'armchain_transactions_total', help: 'Transactions in blocks', ...shared })
  const imports = new Counter({ name: 'armchain_imports_total', help: 'Cross-shard messages taken in', ...shared })
  const gas = new Counter({ name: 'armchain_gas_total', help: 'Gas used', ...shared })
  const size = new Gauge({ name: 'armchain_block_bytes', help: 'Size of the latest body', ...shared })
  const seconds = new Histogram({
    name: 'armchain_block_seconds',
    help: 'From the pool to the synced record',
    buckets: SECONDS_BUCKETS,
    ...shared,
  })
  return (sample) => {
    const labels = { shard: sample.shard }
    height.set(labels, sample.height)
    transactions.inc(labels, sample.transactions)
    imports.inc(labels, sample.imports)
    gas.inc(labels, sample.gasUsed)
    size.set(labels, sample.sizeBytes)
    seconds.observe(labels, sample.seconds)
  }
}

function shardGauges(registry: Registry): { readonly observe: NodeMetrics['observe']; refresh(): void } {
  const registers = [registry]
  const labelNames = ['shard'] as const
  const anchored = new Gauge({
    name: 'armchain_anchored_height',
    help: 'Latest anchored height',
    labelNames,
    registers,
  })
  const pool = new Gauge({ name: 'armchain_pool_transactions', help: 'Transactions that wait', labelNames, registers })
  const accounts = new Gauge({ name: 'armchain_accounts', help: 'Accounts that exist', labelNames, registers })
  const candidates = new Gauge({
    name: 'armchain_candidate_blocks',
    help: 'Blocks that are executed and not final',
    labelNames,
    registers,
  })
  const engineSize = new Gauge({
    name: 'armchain_engine_items',
    help: 'What the consensus engine keeps because of what others send',
    labelNames: ['shard', 'what'],
    registers,
  })
  const cutOffs = new Gauge({ name: 'armchain_peer_cut_offs', help: 'How often a peer was cut off', registers })
  const backlog = new Gauge({ name: 'armchain_archive_backlog_bytes', help: 'History not yet stored', registers })
  let sample: Parameters<NodeMetrics['observe']>[0] | undefined
  const wal = new Gauge({ name: 'armchain_wal_bytes', help: 'Size of the write-ahead log', registers })
  return {
    observe(next) {
      sample = next
    },
    refresh() {
      if (!sample) return
      const { shards, walBytes, archiveBacklogBytes, cutOffs: count } = sample()
      wal.set(walBytes)
      backlog.set(archiveBacklogBytes)
      cutOffs.set(count)
      for (const each of shards) {
        const { shard } = each
        anchored.set({ shard }, each.anchoredHeight)
        pool.set({ shard }, each.poolTransactions)
        accounts.set({ shard }, each.accounts)
        candidates.set({ shard }, each.candidates)
        for (const { name, size } of each.engine) engineSize.set({ shard, what: name }, size)
      }
    },
  }
}

function processGauges(registry: Registry, lag: ReturnType<typeof monitorEventLoopDelay>): void {
  const registers = [registry]
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read())
      },
    })
  gauge('armchain_event_loop_lag_p99_seconds', 'Lag of the main thread since start', () => {
    const value = lag.percentile(99)
    return Number.isFinite(value) ? value / NANOSECONDS : 0
  })
  gauge('armchain_event_loop_lag_max_seconds', 'Worst lag of the main thread since start', () => lag.max / NANOSECONDS)
  gauge('armchain_event_loop_utilization', 'Busy part of the main thread since start, 0 to 1', () => {
    return performance.eventLoopUtilization().utilization
  })
  gauge('armchain_process_cpu_seconds', 'User and system time of the process', () => {
    const { user, system } = process.cpuUsage()
    return (user + system) / 1e6
  })
  gauge('armchain_process_resident_bytes', 'Resident memory of the process', () => process.memoryUsage.rss())
  gauge('armchain_process_heap_bytes', 'Used JavaScript heap', () => process.memoryUsage().heapUsed)
}
