// Where the CPU of a transfer goes: a budget by stage, from CPU profiles of the node's threads and the kernel's own
// accounts of each thread, and how much of the process's CPU it explains.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { median } from './compare.ts'
import { freePort } from './free-port.ts'
import { commit, machine } from './machine.ts'
import { usageOf, whenIdle } from './process-tree.ts'
import { type Prepared, submitAll, type Work } from './side.ts'
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
  --empty        what a block costs by itself: a transfer to each vShard, again and again, as fast as blocks are made on
                 demand; --count is that of blocks of vShards (default 4000)
  --profiles DIR keeps the CPU profiles there
  --out DIR      where stages.json goes (default bench/results)`

const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    empty: { type: 'boolean', default: false },
    repeats: { type: 'string', default: '3' },
    shards: { type: 'string', default: '2' },
    cross: { type: 'string', default: '0' },
    profiles: { type: 'string' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const ACCOUNTS = 1_000
/** Between transfers to a vShard that are each to find a block of their own: blocks on demand are 80 ms apart. */
const BLOCK_APART_MS = 90
const SAMPLE_US = 500
/** What the node puts off is done by then; being sampled, it is never quite idle. */
const SETTLE_MS = 2_000

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
  { names: ['libuv-worker'], stage: "disk: the log's writes and syncs, the store of history" },
]

/** CPU of the steady part in microseconds a transfer, or a block of a vShard: of the process, and of its threads by name. */
type Usage = { readonly processUs: number; readonly threads: ReadonlyMap<string, number> }
type Budget = Usage & { readonly stages: ReadonlyMap<string, number> }

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const shards = Number(values.shards)
  const count = Number(values.count ?? (values.empty ? '4000' : '60000'))
  const work: Work = { count, accounts: values.empty ? shards : ACCOUNTS }
  const budgets: Budget[] = []
  for (let i = 0; i < Number(values.repeats); i++) {
    // The CPU is of a run that nothing samples; how each thread's is shared out, of one like it.
    const usage = await run(work)
    const profiles = await run(work, await freePort())
    budgets.push({ ...usage, stages: budget(usage.threads, profiles.profiles) })
  }
  const medians = (of: (budget: Budget) => ReadonlyMap<string, number>): { name: string; us: number }[] => {
    const names = new Set(budgets.flatMap((each) => [...of(each).keys()]))
    const rows = [...names].map((name) => ({ name, us: median(budgets.map((each) => of(each).get(name) ?? 0)) }))
    return rows.filter(({ us }) => us >= 0.005).sort((a, b) => b.us - a.us)
  }
  const report = {
    stages: medians(({ stages }) => stages),
    threads: medians(({ threads }) => threads),
    processUs: median(budgets.map(({ processUs }) => processUs)),
    explainedPart: median(budgets.map(explainedPart)),
    repeats: budgets.length,
    work,
    shards,
    crossPercent: Number(values.cross),
    machine: machine(),
    commit: commit(),
  }
  const unit = values.empty ? 'block of a vShard' : 'transfer'
  console.log(`CPU of a ${unit} by stage, us, medians of ${budgets.length} runs of ${work.count}`)
  for (const { name, us } of report.stages) console.log(`${us.toFixed(2).padStart(8)}  ${name}`)
  console.log(`${report.processUs.toFixed(2).padStart(8)}  the process, by the kernel's account of it`)
  console.log(`the stages explain ${(100 * report.explainedPart).toFixed(1)} % of it`)
  mkdirSync(values.out, { recursive: true })
  writeFileSync(
    join(values.out, values.empty ? 'stages-empty.json' : 'stages.json'),
    `${JSON.stringify(report, null, 2)}\n`,
  )
}

/** What is explained has the name of a stage: time in no known function, and in threads without a name here, has not. */
function explainedPart({ stages, processUs }: Budget): number {
  let us = 0
  for (const [stage, each] of stages) if (!stage.endsWith(UNNAMED) && !stage.endsWith(NATIVE)) us += each
  return us / processUs
}

/** The steady part of a run on a fresh server, after the same work once to warm up; profiled by an inspector, if any. */
async function run(
  work: Work,
  inspectorPort?: number,
): Promise<Usage & { readonly profiles: readonly ThreadProfile[] }> {
  const side = createArmchainSide({
    name: 'armchain',
    submit: 'binary',
    shards: Number(values.shards),
    crossPercent: Number(values.cross),
    ...(values.empty && { batch: Number(values.shards) }),
    nodeOptions: inspectorPort === undefined ? [] : [`--inspect=127.0.0.1:${inspectorPort}`],
  })
  await using server = await side.start(work)
  const cold = await server.prepare('cold')
  await submit(cold)
  await cold.included()
  const steady = await server.prepare('steady')
  const inspector = inspectorPort === undefined ? undefined : await connectInspector(inspectorPort)
  const before = await whenIdle(server.pid)
  await inspector?.start(SAMPLE_US)
  const threadsBefore = threadUsage(server.pid)
  await submit(steady)
  await steady.included()
  if (inspector === undefined) await whenIdle(server.pid)
  else await new Promise((done) => setTimeout(done, SETTLE_MS))
  const after = usageOf(server.pid)
  const used = usedBetween(threadsBefore, threadUsage(server.pid))
  const profiles = (await inspector?.stop()) ?? []
  inspector?.close()
  await steady.check()
  if (values.profiles !== undefined) saveProfiles(values.profiles, profiles)
  return {
    processUs: ((after.cpuMs - before.cpuMs) * 1000) / work.count,
    threads: new Map([...used].map(([name, cpuNs]) => [name, cpuNs / 1000 / work.count])),
    profiles,
  }
}

/** As fast as they are taken; or a batch, which has a transfer to each vShard, for each block. */
async function submit(prepared: Prepared): Promise<void> {
  if (!values.empty) return await submitAll(prepared)
  for (const send of prepared.batches) {
    await send()
    await new Promise((done) => setTimeout(done, BLOCK_APART_MS))
  }
}

/** Microseconds a transfer by stage: each thread's CPU, shared out as its profile says. */
function budget(threads: ReadonlyMap<string, number>, profiles: readonly ThreadProfile[]): ReadonlyMap<string, number> {
  const stages = new Map<string, number>()
  const add = (stage: string, us: number): void => void stages.set(stage, (stages.get(stage) ?? 0) + us)
  for (const [name, us] of threads) {
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
