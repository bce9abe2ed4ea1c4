import { medianRun, summary } from './compare.ts'
import { measure, type Run, type Work } from './side.ts'
import { createArmchainSide } from './sides/armchain.ts'

export type SweepPoint = { readonly shards: number; readonly crossPercent: number; readonly run: Run }

const SHARDS = [1, 2, 4, 8]
const CROSS_PERCENT = [0, 20, 50, 100]

/** Throughput and CPU by number of vShards and part of cross-shard transfers; the rounds go over all points in turn. */
export async function sweep(work: Work, rounds: number, progress: (line: string) => void): Promise<SweepPoint[]> {
  const points = SHARDS.flatMap((shards) =>
    CROSS_PERCENT.filter((crossPercent) => shards > 1 || crossPercent === 0).map((crossPercent) => ({
      shards,
      crossPercent,
      runs: [] as Run[],
    })),
  )
  for (let round = 1; round <= rounds; round++) {
    for (const { shards, crossPercent, runs } of round % 2 === 1 ? points : [...points].reverse()) {
      const side = createArmchainSide({ name: 'armchain', submit: 'binary', shards, crossPercent })
      const run = await measure(side, work)
      runs.push(run)
      progress(`round ${round} of ${rounds}, ${shards} vShards, ${crossPercent} % cross-shard: ${summary(run)}`)
    }
  }
  return points.map(({ shards, crossPercent, runs }) => ({ shards, crossPercent, run: medianRun(runs) }))
}
