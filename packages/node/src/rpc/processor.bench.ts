// Main-thread CPU of a batch of 500 signed transfers, sockets and pool left out: bytes in, answer text out.
// Run: node --conditions=@armchain/source packages/node/src/rpc/processor.bench.ts
import { availableParallelism, cpus } from 'node:os'
import { performance } from 'node:perf_hooks'
import { rpcMethods } from '@armchain/client/rpc-schema'
import { toHex } from '@armchain/core'
import { RPC_LIMITS } from '../limits.ts'
import { silentLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import { submitBulk } from './bulk.ts'
import { createProcessor } from './processor.ts'
import { RequestContext } from './request-context.ts'
import type { SubmitResult } from './submit.ts'

const BATCH = 500
const TX_BYTES = 225
const ROUNDS = 400

const metrics = createMetrics()
const accepted: SubmitResult = { ok: true, id: new Uint8Array(32).fill(0xab) }
let submitted = 0
const processor = createProcessor({
  methods: rpcMethods,
  handlers: new Map(),
  limits: RPC_LIMITS,
  metrics: metrics.rpc,
  log: silentLog,
  async submitMany(raws) {
    submitted += raws.length
    return raws.map(() => accepted)
  },
})
const raws = Array.from({ length: BATCH }, (_, i) => new Uint8Array(TX_BYTES).fill(i))
const named = (raw: Uint8Array, id: number) => ({
  jsonrpc: '2.0',
  id,
  method: 'arm_sendTransaction',
  params: { raw: toHex(raw) },
})
const batch = Buffer.from(JSON.stringify(raws.map(named)))
const singles = raws.map((raw, i) => Buffer.from(JSON.stringify(named(raw, i))))
const frames = Buffer.concat(raws.map((raw) => Buffer.concat([Uint8Array.of(0, 0, 0, TX_BYTES), raw])))
const context = new RequestContext()

async function measure(name: string, round: () => Promise<unknown>): Promise<void> {
  for (let i = 0; i < ROUNDS / 4; i++) await round()
  submitted = 0
  const cpu = process.cpuUsage()
  const startMs = performance.now()
  for (let i = 0; i < ROUNDS; i++) await round()
  const wallUs = (performance.now() - startMs) * 1000
  const { user, system } = process.cpuUsage(cpu)
  if (submitted !== ROUNDS * BATCH) throw new Error(`${name}: ${submitted} submitted`)
  const perTx = (us: number) => (us / submitted).toFixed(2)
  console.log(`${name.padEnd(28)} ${perTx(user + system)} us CPU/tx, ${perTx(wallUs)} us wall/tx`)
}

console.log(`${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}`)
await measure('batch of 500 (JSON)', () => processor.process(batch, context))
await measure('500 single calls, one tick', () => Promise.all(singles.map((body) => processor.process(body, context))))
await measure('binary submit of 500', () =>
  submitBulk(frames, 'without-ids', RPC_LIMITS.submitCalls, processor.submitter),
)
metrics.close()
