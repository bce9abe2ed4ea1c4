// The scaling model: from what one node was measured to use, what a network needs for ten thousand to a million
// transfers a second. See docs/scaling.md.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { commit, machine } from './machine.ts'
import { gatherInputs } from './model/inputs.ts'
import { type Assumptions, type Need, needFor } from './model/model.ts'
import { type Chart, linePlot } from './plot.ts'

const USAGE = `npm run bench:model -- [options]
  --seats N      validators of each shard (default 16)
  --block S      seconds between blocks (default 1)
  --out DIR      where the results of the other benches are, and model.json and model.svg go (default bench/results)`

const { values } = parseArgs({
  options: {
    seats: { type: 'string', default: '16' },
    block: { type: 'string', default: '1' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../results') },
    help: { type: 'boolean', default: false },
  },
})

const RATES = [10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000]
const UTILISATION = 0.8
const CROSS: readonly Assumptions['cross'][] = [0, 0.2, 'uniform']

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const inputs = await gatherInputs(values.out, (line) => console.error(`measuring: ${line}`))
  const base = { seats: Number(values.seats), blockSeconds: Number(values.block), utilisation: UTILISATION }
  const series = CROSS.map((cross) => ({
    cross,
    needs: RATES.map((tps) => needFor(tps, inputs, { ...base, cross })),
  }))
  console.log(
    `one node was measured to use: ${JSON.stringify(inputs, (_, value) => (typeof value === 'number' ? Number(value.toFixed(1)) : value))}`,
  )
  for (const { cross, needs } of series) print(cross, needs)
  const about = { assumptions: base, machine: machine(), commit: commit() }
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, 'model.json'), `${JSON.stringify({ inputs, ...about, series }, null, 2)}\n`)
  const chart = (title: string, of: (need: Need) => number): Chart => ({
    title,
    xLabel: 'transfers a second',
    scale: 'decades',
    lines: series.map(({ cross, needs }) => ({
      label: cross === 'uniform' ? 'anywhere' : `${100 * cross} % cross`,
      points: needs.map((need) => [need.tps, of(need)] as const),
    })),
  })
  const charts = [
    chart('validators', ({ nodes }) => nodes),
    chart('CPU cores, all validators', ({ cores }) => cores),
    chart('Mbit/s of a validator, each way', ({ megabitsPerNode }) => megabitsPerNode),
    chart('GB of history a day, each validator', ({ gigabytesPerNodeDay }) => gigabytesPerNodeDay),
  ]
  const note = `${base.seats} seats a shard, a block each ${base.blockSeconds} s, extrapolated from one node: ${about.machine.cpu}, Node ${about.machine.node}, commit ${about.commit.slice(0, 12)}`
  writeFileSync(join(values.out, 'model.svg'), linePlot(charts, note))
}

function print(cross: Assumptions['cross'], needs: readonly Need[]): void {
  console.log(`\n${cross === 'uniform' ? 'receivers anywhere' : `${100 * cross} % of payments to other shards`}`)
  const titles = [
    'transfers/s',
    'vShards',
    'validators',
    'cores',
    'cores each',
    'Mbit/s each',
    'leader',
    'main block KiB',
    'GB a day each',
  ]
  const rows = needs.map((need) => [
    need.tps.toLocaleString('en-US'),
    String(need.vShards),
    String(need.nodes),
    String(need.cores),
    need.coresPerNode.toFixed(2),
    need.megabitsPerNode.toFixed(0),
    need.leaderMegabits.toFixed(0),
    need.mainBlockKiB.toFixed(0),
    need.gigabytesPerNodeDay.toFixed(0),
  ])
  const table = [titles, ...rows]
  const widths = titles.map((_, i) => Math.max(...table.map((row) => (row[i] as string).length)))
  for (const row of table) console.log(row.map((cell, i) => cell.padStart(widths[i] as number)).join('  '))
}
