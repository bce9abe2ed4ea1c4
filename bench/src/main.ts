// Throughput and CPU of a testnet beside anvil on the same work, and by number of vShards. Run with nothing else on the machine.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compare, type Measured, ratio } from './compare.ts'
import { commit, type Machine, machine } from './machine.ts'
import { barPlot, type Chart, linePlot, type Panel } from './plot.ts'
import type { Run, Work } from './side.ts'
import { createAnvilSide } from './sides/anvil.ts'
import { createArmchainSide } from './sides/armchain.ts'
import { crossPrices, type SweepPoint, sweep } from './sweep.ts'

const USAGE = `npm run bench -- [options]
  --quick        three pairs instead of five, and no sweep
  --sweep        the sweep over vShards and cross-shard parts alone
  --repeats N    pairs of the comparison
  --cross N      of the sweep: this percentage alone (0 to 100; JSON and plot of the whole sweep are left as they are)
  --rounds N     rounds of the sweep (default 3)
  --count N      transfers a run (default 30000, from 1000 accounts)
  --json FILE    write the figures there
  --out DIR      plots and JSON of a whole run (default bench/results)`

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    sweep: { type: 'boolean', default: false },
    repeats: { type: 'string' },
    cross: { type: 'string' },
    rounds: { type: 'string', default: '3' },
    count: { type: 'string', default: '30000' },
    json: { type: 'string' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const ACCOUNTS = 1_000
const SHARDS = 2
const progress = (line: string): void => console.error(line)

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const count = whole('count', values.count)
  if (count % ACCOUNTS !== 0) throw new Error(`--count has to be a multiple of ${ACCOUNTS}: every account sends alike`)
  const work: Work = { count, accounts: ACCOUNTS }
  const about = { machine: machine(), commit: commit(), work }
  const measured = values.sweep ? undefined : await compareSides(work)
  const points = values.quick ? undefined : await runSweep(work)
  if (measured !== undefined) reportComparison(measured, about)
  if (points !== undefined) reportSweep(points, about)
}

async function runSweep(work: Work): Promise<SweepPoint[]> {
  const rounds = whole('rounds', values.rounds)
  const { cross } = values
  if (cross === undefined) return await sweep(work, { rounds }, progress)
  return await sweep(work, { rounds, crossPercents: [cross === '0' ? 0 : whole('cross', cross)] }, progress)
}

type About = { readonly machine: Machine; readonly commit: string; readonly work: Work }

async function compareSides(work: Work): Promise<Measured[]> {
  const repeats = whole('repeats', values.repeats ?? (values.quick ? '3' : '5'))
  const load = { shards: SHARDS, crossPercent: 0 }
  const sides = [
    createArmchainSide({ name: 'armchain', submit: 'binary', ...load }),
    createArmchainSide({ name: 'armchain-json', submit: 'json', ...load }),
    createAnvilSide({ name: 'anvil', setting: 'durable' }),
    createAnvilSide({ name: 'anvil-memory', setting: 'in-memory' }),
  ]
  return await compare(sides, work, repeats, progress)
}

function reportComparison(measured: readonly Measured[], about: About): void {
  const [binary, json, anvil, memory] = measured as [Measured, Measured, Measured, Measured]
  const report = {
    armchain: binary.median,
    anvil: anvil.median,
    ratio: ratio(binary, anvil),
    // The same JSON-RPC batches for both.
    json: { armchain: json.median, ratio: ratio(json, anvil) },
    // Anvil's fastest setting, which keeps nothing.
    inMemory: { anvil: memory.median, ratio: ratio(binary, memory) },
    repeats: binary.runs.length,
    ...about,
    runs: Object.fromEntries(measured.map(({ name, runs }) => [name, runs])),
  }
  const rows = measured.map((side) => {
    const { tps, cpu } = ratio(side, anvil)
    const { median } = side
    return [side.name, whole0(median.tps), whole0(median.cpuUsPerTx), tps.toFixed(2), cpu.toFixed(3)].concat(
      whole0(median.cold.tps),
      whole0(median.cold.cpuUsPerTx),
      whole0(median.firstBlockMs),
      whole0(median.rssMiB),
    )
  })
  const titles = [
    '',
    'transfers/s',
    'CPU us each',
    'x transfers/s',
    'x CPU',
    'cold: transfers/s',
    'CPU us each',
    'first block ms',
    'RSS MiB',
  ]
  console.log(`\n${about.work.count} transfers, medians of ${report.repeats} repeats; x is over anvil, by pairs`)
  printTable([titles, ...rows])
  const figure = (title: string, of: (run: Run) => number): Panel => ({
    title,
    bars: measured.map(({ name, median, runs }) => ({ label: name, value: of(median), samples: runs.map(of) })),
  })
  const panels = [
    figure('transfers a second, included (more is better)', ({ tps }) => tps),
    figure('server CPU, us a transfer (less is better)', ({ cpuUsPerTx }) => cpuUsPerTx),
  ]
  save('comparison.svg', barPlot(panels, note(about)))
  save('comparison.json', `${JSON.stringify(report, null, 2)}\n`)
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`)
}

function reportSweep(points: readonly SweepPoint[], about: About): void {
  console.log(`\nby vShards and part of cross-shard transfers; CPU of the server`)
  const rows = points.map(({ shards, crossPercent, run }) =>
    [shards, `${crossPercent} %`, whole0(run.tps), whole0(run.cpuUsPerTx)].map(String),
  )
  printTable([['vShards', 'cross-shard', 'transfers/s', 'CPU us each'], ...rows])
  const flat = points.filter(({ crossPercent }) => crossPercent === 0).map(({ run }) => run.cpuUsPerTx)
  if (flat.length > 0)
    console.log(`CPU at 0 % cross-shard: dearest over cheapest ${(Math.max(...flat) / Math.min(...flat)).toFixed(3)}`)
  if (values.cross !== undefined) return
  const prices = crossPrices(points)
  for (const { shards, cpuUs, overInside, blocks, ms } of prices)
    console.log(
      `${shards} vShards: a payment to another costs ${whole0(cpuUs)} us more (${overInside.toFixed(2)} times one inside), ${blocks} blocks and ${whole0(ms)} ms`,
    )
  const parts = [...new Set(points.map(({ crossPercent }) => crossPercent))]
  const chart = (title: string, of: (run: Run) => number): Chart => ({
    title,
    xLabel: 'vShards',
    lines: parts.map((part) => ({
      label: `${part} % cross`,
      points: points
        .filter(({ crossPercent }) => crossPercent === part)
        .map(({ shards, run }) => [shards, of(run)] as const),
    })),
  })
  const charts = [
    chart('transfers a second', ({ tps }) => tps),
    chart('CPU of the server, us a transfer', ({ cpuUsPerTx }) => cpuUsPerTx),
  ]
  save('sweep.svg', linePlot(charts, note(about)))
  save('sweep.json', `${JSON.stringify({ points, prices, ...about }, null, 2)}\n`)
}

function note({ machine: { cpu, cores, node }, commit: at }: About): string {
  return `${cpu}, ${cores} cores, Node ${node}, commit ${at.slice(0, 12)}`
}

function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] as readonly string[]).map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)))
  for (const row of rows) console.log(row.map((cell, i) => cell.padStart(widths[i] as number)).join('  '))
}

function save(name: string, text: string): void {
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, name), text)
}

function whole0(value: number): string {
  return value.toFixed(0)
}

function whole(name: string, value: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(value)) throw new Error(`--${name} takes a whole number above 0, not "${value}"`)
  return Number(value)
}
