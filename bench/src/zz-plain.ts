import { createArmchainSide } from '/work/helper-perf/bench/src/sides/armchain.ts'
import { submitAll } from '/work/helper-perf/bench/src/side.ts'
import { whenIdle } from '/work/helper-perf/bench/src/process-tree.ts'
import { threadUsage, usedBetween } from '/work/helper-perf/bench/src/stages/thread-usage.ts'
import { readFileSync, readdirSync } from 'node:fs'
const st = (pid: number) => { const m = new Map<string, number[]>(); for (const t of readdirSync(`/proc/${pid}/task`)) { const x = readFileSync(`/proc/${pid}/task/${t}/stat`, 'utf8'); const n = x.slice(x.indexOf('(') + 1, x.lastIndexOf(')')); const f = x.slice(x.lastIndexOf(')') + 2).split(' '); const o = m.get(n) ?? [0, 0, 0]; m.set(n, [o[0]! + Number(f[7]), o[1]! + Number(f[11]), o[2]! + Number(f[12])]) } return m }
const count = Number(process.argv[2] ?? 60000), reps = Number(process.argv[3] ?? 2)
for (let r = 0; r < reps; r++) {
  const side = createArmchainSide({ name: 'a', submit: 'binary', shards: 2, crossPercent: 0, nodeOptions: process.argv.slice(4) })
  await using server = await side.start({ count, accounts: 1000 })
  for (const part of ['cold', 'steady'] as const) {
    const p = await server.prepare(part)
    const b = await whenIdle(server.pid); const tb = threadUsage(server.pid); const s0 = st(server.pid); const t = performance.now()
    await submitAll(p); await p.included(); const ms = performance.now() - t
    const a = await whenIdle(server.pid); const s1 = st(server.pid); if (part === 'steady') console.log([...s1].map(([k, v]) => { const o = s0.get(k) ?? [0, 0, 0]; return `${k}: minflt ${((v[0]! - o[0]!) / count).toFixed(2)} user ${((v[1]! - o[1]!) * 1e4 / count).toFixed(1)} sys ${((v[2]! - o[2]!) * 1e4 / count).toFixed(1)}` }).join('; ')); const used = usedBetween(tb, threadUsage(server.pid))
    console.log(part, 'tps', (count / ms * 1000).toFixed(0), 'cpu/tx', ((a.cpuMs - b.cpuMs) * 1000 / count).toFixed(1), 'rss', a.rssMiB.toFixed(0), [...used].filter(([, v]) => v > 0).map(([k, v]) => `${k} ${(v / 1000 / count).toFixed(1)}`).join(' '))
  }
}
