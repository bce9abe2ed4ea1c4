// What a transfer takes of the heap of each thread, by the function that takes it, and the pauses that collecting it costs.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { freePort } from './free-port.ts'
import { commit, machine } from './machine.ts'
import { usageOf, whenIdle } from './process-tree.ts'
import { submitAll, type Work } from './side.ts'
import { createArmchainSide } from './sides/armchain.ts'
import { type AllocationNode, connectInspector, type Inspector } from './stages/inspector.ts'

const USAGE = `npm run bench:garbage -- [options]
  --count N      transfers a run (default 60000, from 1000 accounts)
  --shards N     vShards (default 2)
  --interval N   bytes of the heap between two samples, on average (default 2048)
  --top N        functions to list for each thread (default 15)
  --out DIR      where garbage.json goes (default bench/results)`

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '60000' },
    shards: { type: 'string', default: '2' },
    interval: { type: 'string', default: '2048' },
    top: { type: 'string', default: '15' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const ACCOUNTS = 1_000
/** What the node puts off is done by then; being sampled, it is never quite idle. */
const SETTLE_MS = 2_000
/** Below this, in bytes a transfer, a thread is not listed. */
const LISTED_BYTES = 20

/** Sums up pauses from now on: by kind of collection, as `perf_hooks` numbers them. */
const WATCH_PAUSES = `(() => {
  const { PerformanceObserver } = process.getBuiltinModule('node:perf_hooks')
  const pauses = { scavenges: { count: 0, ms: 0 }, others: { count: 0, ms: 0 } }
  globalThis.armchainPauses = pauses
  new PerformanceObserver((list) => {
    for (const { duration, detail } of list.getEntries()) {
      const sum = detail.kind === 1 ? pauses.scavenges : pauses.others
      sum.count++
      sum.ms += duration
    }
  }).observe({ entryTypes: ['gc'] })
})()`

type Sum = { readonly count: number; readonly ms: number }
type Pauses = { readonly scavenges: Sum; readonly others: Sum }
type ThreadGarbage = {
  readonly thread: string
  readonly bytes: number
  readonly sites: readonly { readonly site: string; readonly bytes: number }[]
}

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const work: Work = { count: Number(values.count), accounts: ACCOUNTS }
  const pauses = await run(work, async (inspector, submit) => {
    await inspector.evaluate(WATCH_PAUSES)
    await submit()
    return (await inspector.evaluate('armchainPauses')) as { thread: string; value: Pauses }[]
  })
  const allocations = await run(work, async (inspector, submit) => {
    await inspector.startAllocations(Number(values.interval))
    await submit()
    return await inspector.stopAllocations()
  })
  const threads = allocations.value.map(({ thread, head }) => garbageOf(thread, head, work.count))
  for (const { thread, bytes, sites } of threads.filter((each) => each.bytes >= LISTED_BYTES)) {
    console.log(`\n${thread}: ${bytes.toFixed(0)} bytes a transfer`)
    for (const site of sites.slice(0, Number(values.top)))
      console.log(`${site.bytes.toFixed(0).padStart(7)}  ${site.site}`)
  }
  console.log(`\npauses over ${work.count} transfers, not sampled`)
  for (const { thread, value } of pauses.value)
    console.log(
      `  ${thread}: ${value.scavenges.count} scavenges ${value.scavenges.ms.toFixed(1)} ms, ${value.others.count} others ${value.others.ms.toFixed(1)} ms`,
    )
  console.log(`  ${pauses.cpuUs.toFixed(1)} us CPU a transfer, resident ${pauses.rssMiB.toFixed(0)} MiB at the end`)
  const { cpuUs, rssMiB } = pauses
  const report = { threads, pauses: pauses.value, cpuUs, rssMiB, work, shards: Number(values.shards) }
  mkdirSync(values.out, { recursive: true })
  writeFileSync(
    join(values.out, 'garbage.json'),
    `${JSON.stringify({ ...report, machine: machine(), commit: commit() }, null, 2)}\n`,
  )
}

/** The steady part of a run on a fresh server, after the same work once to warm up, as `look` has it observed. */
async function run<Value>(
  work: Work,
  look: (inspector: Inspector, submit: () => Promise<void>) => Promise<Value>,
): Promise<{ readonly value: Value; readonly cpuUs: number; readonly rssMiB: number }> {
  const port = await freePort()
  const side = createArmchainSide({
    name: 'armchain',
    submit: 'binary',
    shards: Number(values.shards),
    crossPercent: 0,
    nodeOptions: [`--inspect=127.0.0.1:${port}`],
  })
  await using server = await side.start(work)
  const cold = await server.prepare('cold')
  await submitAll(cold)
  await cold.included()
  const steady = await server.prepare('steady')
  const inspector = await connectInspector(port)
  const before = await whenIdle(server.pid)
  const value = await look(inspector, async () => {
    await submitAll(steady)
    await steady.included()
    await new Promise((done) => setTimeout(done, SETTLE_MS))
  })
  const after = usageOf(server.pid)
  inspector.close()
  await steady.check()
  return { value, cpuUs: ((after.cpuMs - before.cpuMs) * 1000) / work.count, rssMiB: after.rssMiB }
}

function garbageOf(thread: string, head: AllocationNode, count: number): ThreadGarbage {
  const bytesOf = new Map<string, number>()
  let bytes = 0
  const visit = (node: AllocationNode, caller: string): void => {
    const site = siteOf(node, caller)
    bytesOf.set(site, (bytesOf.get(site) ?? 0) + node.selfSize / count)
    bytes += node.selfSize / count
    for (const child of node.children) visit(child, site)
  }
  visit(head, '')
  const sites = [...bytesOf].map(([site, each]) => ({ site, bytes: each })).sort((a, b) => b.bytes - a.bytes)
  return { thread, bytes, sites: sites.filter((each) => each.bytes >= 1) }
}

/** `function file:line`, the file by its last two names; of what has no file, with its caller. */
function siteOf({ callFrame }: AllocationNode, caller: string): string {
  const { functionName, url, lineNumber } = callFrame
  const name = functionName || '(anonymous)'
  if (url === '') return `${caller} > ${name}`
  return `${name} ${url.split('/').slice(-2).join('/')}:${lineNumber + 1}`
}
