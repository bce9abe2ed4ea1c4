// An election as a picture: the pools of some shards over epochs, seat by seat, with the committee of the first term in
// each; and how likely a committee of each size fails. `npm run election:plot` writes docs/images/election.svg; the same
// seed gives the same picture.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { compareBytes, equalBytes, sha256, toHex, utf8, wholeShard } from '@armchain/core'
import {
  committeeFailure,
  dealPools,
  deriveSeed,
  failingSeats,
  minCommittee,
  noPools,
  type Pool,
  type Pools,
  type RiskQuestion,
  type Seat,
  SeedStream,
  sample,
} from '@armchain/vrf'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: 'an election' },
    out: { type: 'string', default: resolve(import.meta.dirname, '../docs/images/election.svg') },
  },
})

const SHARDS = 4
const EPOCHS = 6
const SEATS = 10
const POOL = 4 * SEATS
const OWNERS = 200
const BAD_SHARE = 0.25

const CELL = 11
const ACROSS = 10
const PANEL = { width: ACROSS * CELL + 26, height: (POOL / ACROSS) * CELL + 34 }
const LEFT = 70
const TOP = 64
const CHART = { left: LEFT, width: 6 * PANEL.width - 26, height: 190 }
const COLORS = { honest: '#cbd5e1', bad: '#dc2626', line: '#2563eb' }

const domain = { genesisHash: sha256(utf8(values.seed)), schemaVersion: 1 }
const owners = Array.from({ length: OWNERS }, (_, i) => sha256(utf8(`owner ${i}`))).toSorted(compareBytes)
const bad = new Set(owners.filter((_, i) => i % Math.round(1 / BAD_SHARE) === 0).map(toHex))

function main(): void {
  const history = elect()
  const panels = history.flatMap((pools, epoch) =>
    pools.pools.map((pool, shard) => drawPool(pool, { epoch, shard, before: history[epoch - 1]?.pools[shard] })),
  )
  const gridBottom = TOP + SHARDS * PANEL.height
  const width = LEFT + EPOCHS * PANEL.width
  const height = gridBottom + CHART.height + 90
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">
<style>text{font:11px system-ui,sans-serif;fill:#222}.title{font-weight:600;font-size:13px}.note{fill:#555}</style>
<rect width="100%" height="100%" fill="#fff"/>
<text class="title" x="${LEFT}" y="18">Pools of ${POOL} seats over ${EPOCHS} epochs, a quarter dealt anew in each</text>
<text class="note" x="${LEFT}" y="34">a square is a seat: red ones belong to the adversary, who holds a quarter; thick edges: dealt for this epoch; dots: committee of ${SEATS}</text>
${Array.from({ length: EPOCHS }, (_, epoch) => `<text x="${LEFT + epoch * PANEL.width}" y="54">epoch ${epoch}</text>`).join('')}
${Array.from({ length: SHARDS }, (_, shard) => `<text x="8" y="${TOP + shard * PANEL.height + 26}">shard ${shard + 1}</text>`).join('')}
${panels.join('\n')}
${drawRisk(gridBottom + 30)}
</svg>
`
  mkdirSync(dirname(values.out), { recursive: true })
  writeFileSync(values.out, svg)
  console.log(`${values.out}: ${history.length} epochs, ${SHARDS} shards`)
}

function elect(): Pools[] {
  const shards = Array.from({ length: SHARDS }, (_, i) => wholeShard(i + 1))
  const stakes = owners.map((owner) => ({ owner, stakeMotes: 1_000n }))
  const rules = { poolSeats: POOL, mandates: OWNERS, ownerMax: 1 }
  const history: Pools[] = []
  for (let epoch = 0; epoch < EPOCHS; epoch++) {
    const seed = deriveSeed(domain, 'pools', Uint8Array.of(epoch))
    history.push(dealPools(history.at(-1) ?? noPools(0), { shards, stakes, removed: [], seed }, rules))
  }
  return history
}

function drawPool(
  { seats }: Pool,
  { epoch, shard, before }: { readonly epoch: number; readonly shard: number; readonly before: Pool | undefined },
): string {
  const stream = new SeedStream(deriveSeed(domain, 'witnesses', Uint8Array.of(epoch, shard)))
  const committee = new Set(sample(seats, SEATS, stream))
  const held = [...committee].filter(isBad).length
  const cells = seats.map((seat, i) => {
    const x = LEFT + epoch * PANEL.width + (i % ACROSS) * CELL
    const y = TOP + shard * PANEL.height + Math.floor(i / ACROSS) * CELL
    const isNew = before !== undefined && !before.seats.some((each) => isSame(each, seat))
    const edge = isNew ? ' stroke="#111" stroke-width="1.5"' : ''
    const dot = committee.has(seat) ? `<circle cx="${x + 4.5}" cy="${y + 4.5}" r="2" fill="#111"/>` : ''
    return `<rect x="${x}" y="${y}" width="9" height="9" fill="${isBad(seat) ? COLORS.bad : COLORS.honest}"${edge}/>${dot}`
  })
  const y = TOP + shard * PANEL.height + (POOL / ACROSS) * CELL + 12
  const note = `${held} of ${SEATS} bad${held >= failingSeats('third', SEATS) ? ': can stall' : ''}`
  return `${cells.join('')}<text class="note" x="${LEFT + epoch * PANEL.width}" y="${y}">${note}</text>`
}

/** The saw-tooth of the failure over the size of a committee, with the two sizes that answer how large it has to be. */
function drawRisk(top: number): string {
  const question: RiskQuestion = { population: 400, faultyShare: 0.2, threshold: 'third' }
  const bits = 30
  const { minCommittee: first = 0, safeCommittee: safe = 0 } = minCommittee(question, bits)
  const [from, to] = [first - 30, safe + 12]
  const sizes = Array.from({ length: to - from + 1 }, (_, i) => from + i)
  const logs = sizes.map((size) => committeeFailure(question, size))
  const [low, high] = [Math.floor(Math.min(...logs)), Math.ceil(Math.max(...logs))]
  const xOf = (size: number): number => CHART.left + (CHART.width * (size - from)) / (to - from)
  const yOf = (log: number): number => top + 14 + (CHART.height * (high - log)) / (high - low)
  const line = sizes.map((size, i) => `${xOf(size).toFixed(1)},${yOf(logs[i] as number).toFixed(1)}`).join(' ')
  const mark = (size: number, text: string, anchor: string, below: number): string =>
    `<circle cx="${xOf(size)}" cy="${yOf(committeeFailure(question, size))}" r="4" fill="${COLORS.bad}"/><text x="${xOf(size)}" y="${yOf(committeeFailure(question, size)) + below}" text-anchor="${anchor}">${text}</text>`
  const ticks = sizes.filter((size) => size % 5 === 0)
  return `<text class="title" x="${LEFT}" y="${top}">Failure by size of the committee: 400 seats, a fifth bad, a third fails (base-2 logarithm)</text>
<line x1="${LEFT}" x2="${LEFT + CHART.width}" y1="${yOf(-bits)}" y2="${yOf(-bits)}" stroke="#999" stroke-dasharray="4 3"/><text x="${LEFT - 8}" y="${yOf(-bits) + 4}" text-anchor="end">-${bits}</text>
<text x="${LEFT - 8}" y="${yOf(high) + 4}" text-anchor="end">${high}</text><text x="${LEFT - 8}" y="${yOf(low) + 4}" text-anchor="end">${low}</text>
<polyline points="${line}" fill="none" stroke="${COLORS.line}" stroke-width="1.5"/>
${mark(first, `minCommittee ${first}`, 'end', 18)}${mark(safe, `safeCommittee ${safe}`, 'start', 40)}
${ticks.map((size) => `<text x="${xOf(size)}" y="${yOf(low) + 18}" text-anchor="middle">${size}</text>`).join('')}`
}

function isBad({ owner }: Seat): boolean {
  return bad.has(toHex(owner))
}

function isSame(a: Seat, b: Seat): boolean {
  return a.endsAt === b.endsAt && equalBytes(a.owner, b.owner)
}

main()
