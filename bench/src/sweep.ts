import { medianRun, summary } from './compare.ts'
import { measure, type Run, type Work } from './side.ts'
import { createArmchainSide } from './sides/armchain.ts'

export type SweepPoint = { readonly shards: number; readonly crossPercent: number; readonly run: Run }

const SHARDS = [1, 2, 4, 8, 16]
const CROSS_PERCENT = [0, 20, 50, 100]

/** Throughput and CPU by number of vShards and part of cross-shard transfers; the rounds go over all points in turn. */
export async function sweep(
  work: Work,
  { rounds, crossPercents = CROSS_PERCENT }: { readonly rounds: number; readonly crossPercents?: readonly number[] },
  progress: (line: string) => void,
): Promise<SweepPoint[]> {
  const points = SHARDS.flatMap((shards) =>
    crossPercents
      .filter((crossPercent) => shards > 1 || crossPercent === 0)
      .map((crossPercent) => ({
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

/** What a payment to another shard costs beyond one that stays, in CPU of the server; and how long it is on its way. */
export type CrossPrice = {
  readonly shards: number
  readonly cpuUs: number
  readonly overInside: number
  readonly blocks: number
  readonly ms: number
}

/** By number of vShards, from the points at 0 % and 100 %. */
export function crossPrices(points: readonly SweepPoint[]): CrossPrice[] {
  return points.flatMap(({ shards, crossPercent, run }) => {
    const inside = points.find((point) => point.shards === shards && point.crossPercent === 0)?.run
    if (crossPercent !== 100 || inside === undefined || run.delivery === undefined) return []
    const { ms, blocks } = run.delivery
    return [
      { shards, cpuUs: run.cpuUsPerTx - inside.cpuUsPerTx, overInside: run.cpuUsPerTx / inside.cpuUsPerTx, blocks, ms },
    ]
  })
}
