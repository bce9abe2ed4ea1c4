// Where the CPU of a transfer goes: a budget by stage, from CPU profiles of the node's threads and the kernel's own
// accounts of each thread, and how much of the process's CPU it explains.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './compare.ts'
import { freePort } from './free-port.ts'
import { commit, machine } from './machine.ts'
import { usageOf, whenIdle } from './process-tree.ts'
import { submitAll, type Work } from './side.ts'
import { createArmchainSide } from './sides/armchain.ts'
import { NATIVE, type StageRule, stageParts, UNNAMED } from './stages/attribute.ts'
import { connectInspector, type ThreadProfile } from './stages/inspector.ts'
import { HISTORY_RULES, MAIN_RULES, VERIFY_RULES } from './stages/rules.ts'
import { threadUsage, usedBetween } from './stages/thread-usage.ts'

const USAGE = `npm run bench:stages -- [options]
  --count N      transfers a run (default 60000, from 1000 accounts)
  --repeats N    runs (default 3)
  --shards N     vShards (default 2)
  --cross N      percent of cross-shard transfers (default 0)
  --out DIR      where stages.json and the profiles go (default bench/results; profiles only if given)`

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '60000' },
    repeats: { type: 'string', default: '3' },
    shards: { type: 'string', default: '2' },
    cross: { type: 'string', default: '0' },
    out: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
})

const ACCOUNTS = 1_000
const SAMPLE_US = 500
/** What the node puts off is done by then; being sampled, it is never quite idle. */
const SETTLE_MS = 2_000
/** The profiler's own thread. */
const PROFILER = 'v8:ProfEvntProc'

/** Threads of the process by the name they go by, and what their time is for where no profile says. */
const THREADS: readonly {
  readonly names: readonly string[]
  readonly profile?: { readonly thread: string; readonly prefix: string; readonly rules: readonly StageRule[] }
  readonly stage: string
}[] = [
  { names: ['MainThread', 'node'], profile: { thread: 'main', prefix: '', rules: MAIN_RULES }, stage: 'main thread' },
  { names: ['verify'], profile: { thread: 'verify-worker', prefix: 'verify: ', rules: VERIFY_RULES }, stage: 'verify' },
  {
    names: ['archive'],
    profile: { thread: 'archive-worker', prefix: 'history thread: ', rules: HISTORY_RULES },
    stage: 'history thread',
  },
  { names: ['V8Worker', 'DelayedTaskSche'], stage: "V8's helpers: garbage collection and compilation" },
  { names: ['libuv-worker'], stage: 'disk: writes and syncs of the log' },
]

type Budget = { readonly wallMs: number; readonly processUs: number; readonly stages: ReadonlyMap<string, number> }

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const work: Work = { count: Number(values.count), accounts: ACCOUNTS }
  const budgets: Budget[] = []
  const plain: number[] = []
  for (let i = 0; i < Number(values.repeats); i++) {
    plain.push((await run(work, 'plain')).processUs)
    budgets.push(await run(work, 'profiled'))
  }
  const names = new Set(budgets.flatMap(({ stages }) => [...stages.keys()]))
  const rows = [...names].map((stage) => ({ stage, us: median(budgets.map(({ stages }) => stages.get(stage) ?? 0)) }))
  rows.sort((a, b) => b.us - a.us)
  const processUs = median(budgets.map((budget) => budget.processUs))
  const explained = median(budgets.map(explainedPart))
  const report = {
    stages: rows,
    processUs,
    explainedPart: explained,
    withoutProfilerUs: median(plain),
    repeats: budgets.length,
    work,
    shards: Number(values.shards),
    crossPercent: Number(values.cross),
    machine: machine(),
    commit: commit(),
  }
  console.log(`CPU of a transfer by stage, us, medians of ${budgets.length} runs of ${work.count} transfers`)
  for (const { stage, us } of rows) console.log(`${us.toFixed(2).padStart(8)}  ${stage}`)
  console.log(
    `${processUs.toFixed(2).padStart(8)}  the process, by the kernel's account; ${median(plain).toFixed(2)} when nothing samples it`,
  )
  console.log(`the stages explain ${(100 * explained).toFixed(1)} % of it`)
  const out = values.out ?? resolve(import.meta.dirname, '../results')
  mkdirSync(out, { recursive: true })
  writeFileSync(join(out, 'stages.json'), `${JSON.stringify(report, null, 2)}\n`)
}

/** What is explained has the name of a stage: time in no known function, and in threads without a name here, has not. */
function explainedPart({ stages, processUs }: Budget): number {
  let us = 0
  for (const [stage, each] of stages) if (!stage.endsWith(UNNAMED) && !stage.endsWith(NATIVE)) us += each
  return us / processUs
}

/** The steady part of a run on a fresh server, after the same work once to warm up. */
async function run(work: Work, how: 'plain' | 'profiled'): Promise<Budget> {
  const port = await freePort()
  const side = createArmchainSide({
    name: 'armchain',
    submit: 'binary',
    shards: Number(values.shards),
    crossPercent: Number(values.cross),
    nodeOptions: how === 'plain' ? [] : [`--inspect=127.0.0.1:${port}`],
  })
  await using server = await side.start(work)
  const cold = await server.prepare('cold')
  await submitAll(cold)
  await cold.included()
  const steady = await server.prepare('steady')
  const inspector = how === 'plain' ? undefined : await connectInspector(port)
  const before = await whenIdle(server.pid)
  await inspector?.start(SAMPLE_US)
  const threadsBefore = threadUsage(server.pid)
  const start = performance.now()
  await submitAll(steady)
  await steady.included()
  const wallMs = performance.now() - start
  if (inspector === undefined) await whenIdle(server.pid)
  else await new Promise((done) => setTimeout(done, SETTLE_MS))
  const after = usageOf(server.pid)
  const threads = usedBetween(threadsBefore, threadUsage(server.pid))
  const profilerMs = (threads.get(PROFILER) ?? 0) / 1_000_000
  threads.delete(PROFILER)
  const profiles = (await inspector?.stop()) ?? []
  inspector?.close()
  await steady.check()
  if (values.out !== undefined) saveProfiles(values.out, profiles)
  const processUs = ((after.cpuMs - before.cpuMs - profilerMs) * 1000) / work.count
  return { wallMs, processUs, stages: budget(threads, profiles, work.count) }
}

/** Microseconds a transfer by stage: each thread's CPU, shared out as its profile says. */
function budget(
  threads: ReadonlyMap<string, number>,
  profiles: readonly ThreadProfile[],
  count: number,
): ReadonlyMap<string, number> {
  const stages = new Map<string, number>()
  const add = (stage: string, us: number): void => void stages.set(stage, (stages.get(stage) ?? 0) + us)
  for (const [name, cpuNs] of threads) {
    const us = cpuNs / 1000 / count
    const known = THREADS.find(({ names }) => names.includes(name))
    const own = known?.profile && profiles.filter(({ thread }) => thread === known.profile?.thread)
    if (known?.profile === undefined || own === undefined || own.length === 0) {
      add(known?.stage ?? `thread ${name}: ${UNNAMED}`, us)
      continue
    }
    for (const { profile } of own) {
      for (const [stage, part] of stageParts(profile, known.profile.rules)) {
        const { prefix } = known.profile
        add(stage.startsWith(prefix) ? stage : `${prefix}${stage}`, (us * part) / own.length)
      }
    }
  }
  return stages
}

function saveProfiles(out: string, profiles: readonly ThreadProfile[]): void {
  mkdirSync(out, { recursive: true })
  profiles.forEach(({ thread, profile }, i) => {
    writeFileSync(join(out, `${thread}-${i}.cpuprofile`), JSON.stringify(profile))
  })
}
