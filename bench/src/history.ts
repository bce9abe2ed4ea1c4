// What history costs, put and looked for: CPU of the whole process by transaction as history grows, bytes on disk, and the
// time of a look. Blocks have ids of chance, and bodies of `--body` bytes a transaction.
import { randomFillSync } from 'node:crypto'
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Archive, openArchive } from '@armchain/node'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'

const USAGE = `npm run bench:history -- [options]
  --count N  transactions (default 1000000)
  --block N  transactions of a block (default 1000)
  --body N   bytes of a transaction in the body (default 0: what remains is nearly all the index)
  --parts N  rows of the report (default 5)
  --looks N  transactions looked for (default 2000)
  --dir DIR  where the archive is made (default a temporary folder)`

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '1000000' },
    block: { type: 'string', default: '1000' },
    body: { type: 'string', default: '0' },
    parts: { type: 'string', default: '5' },
    looks: { type: 'string', default: '2000' },
    dir: { type: 'string', default: tmpdir() },
    help: { type: 'boolean', default: false },
  },
})

const ID_BYTES = 32
const SHARDS = 2

if (values.help) console.log(USAGE)
else await main()

async function main(): Promise<void> {
  const [count, perBlock, parts] = [Number(values.count), Number(values.block), Number(values.parts)]
  const dir = mkdtempSync(join(values.dir, 'armchain-history-'))
  try {
    console.log(JSON.stringify({ machine: machine(), commit: commit(), bodyBytes: Number(values.body) }))
    const archive = await openArchive({ dir, compression: 'none' })
    const samples: Uint8Array[] = []
    for (let part = 0; part < parts; part++) {
      const blocks = Math.round(count / parts / perBlock)
      const before = process.cpuUsage()
      await putBlocks(archive, part * blocks, blocks, samples)
      await archive.sync()
      const { user, system } = process.cpuUsage(before)
      const cpuUs = (user + system) / blocks / perBlock
      console.log(`${(part + 1) * blocks * perBlock} transactions: ${cpuUs.toFixed(2)} us of CPU for each`)
    }
    await look('there', archive, samples, true)
    await look('not there', archive, samples.map(newId), false)
    await archive.close()
    console.log(`${(folderBytes(dir) / count).toFixed(1)} bytes of disk a transaction`)
    const startedAt = performance.now()
    await (await openArchive({ dir })).close()
    console.log(`opened and closed again in ${(performance.now() - startedAt).toFixed(0)} ms`)
  } finally {
    rmSync(dir, { recursive: true })
  }
}

async function putBlocks(archive: Archive, from: number, blocks: number, samples: Uint8Array[]): Promise<void> {
  const [perBlock, looks] = [Number(values.block), Number(values.looks)]
  const txIds = new Uint8Array(perBlock * ID_BYTES)
  const body = new Uint8Array(perBlock * Number(values.body))
  const every = Math.max(1, Math.floor(Number(values.count) / perBlock / looks))
  for (let i = from; i < from + blocks; i++) {
    randomFillSync(txIds)
    const place = { shard: 1 + (i % SHARDS), height: 1 + Math.floor(i / SHARDS) }
    archive.putBlock({ ...place, header: txIds.subarray(0, 200), body, receipts: new Uint8Array(0), txIds })
    if (i % every === 0) samples.push(txIds.slice(0, ID_BYTES))
    if (i % 64 === 0) await archive.drained()
  }
}

/** One after the other, from all of history. */
async function look(what: string, archive: Archive, ids: readonly Uint8Array[], isThere: boolean): Promise<void> {
  const timesUs: number[] = []
  const before = process.cpuUsage()
  for (const id of ids.slice(0, Number(values.looks))) {
    const startedAt = performance.now()
    const found = await archive.findTransaction(id)
    timesUs.push((performance.now() - startedAt) * 1000)
    if ((found !== undefined) !== isThere) throw new Error('an answer of the index is wrong')
  }
  const { user, system } = process.cpuUsage(before)
  const worst = timesUs.toSorted((a, b) => a - b)[Math.floor(0.99 * timesUs.length)] ?? 0
  const cpuUs = (user + system) / timesUs.length
  console.log(
    `${what}: a look takes ${median(timesUs).toFixed(0)} us, 99 of 100 under ${worst.toFixed(0)} us, CPU ${cpuUs.toFixed(0)} us`,
  )
}

function newId(): Uint8Array {
  return randomFillSync(new Uint8Array(ID_BYTES))
}

function folderBytes(dir: string): number {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0)
}
