import { measure, type Pace, type Run, type Side, type Work } from './side.ts'

/** One side's medians, and each of its runs in order. */
export type Measured = { readonly name: string; readonly median: Run; readonly runs: readonly Run[] }

/** Runs all sides in turn, `repeats` times, the order turned round each time, so that what drifts meets all alike. */
export async function compare(
  sides: readonly Side[],
  work: Work,
  repeats: number,
  progress: (line: string) => void,
): Promise<Measured[]> {
  const runs = new Map<Side, Run[]>(sides.map((side) => [side, []]))
  for (let i = 1; i <= repeats; i++) {
    for (const side of i % 2 === 1 ? sides : [...sides].reverse()) {
      const run = await measure(side, work)
      runs.get(side)?.push(run)
      progress(`repeat ${i} of ${repeats}, ${side.name}: ${summary(run)}`)
    }
  }
  return sides.map((side) => {
    const own = runs.get(side) as Run[]
    return { name: side.name, median: medianRun(own), runs: own }
  })
}

/** Medians of the ratios of runs made side by side. */
export function ratio(ours: Measured, theirs: Measured): { readonly tps: number; readonly cpu: number } {
  const of = (figure: 'tps' | 'cpuUsPerTx'): number =>
    median(ours.runs.map((run, i) => run[figure] / (theirs.runs[i] as Run)[figure]))
  return { tps: of('tps'), cpu: of('cpuUsPerTx') }
}

/** Medians of each figure by itself. */
export function medianRun(runs: readonly Run[]): Run {
  const deliveries = runs.flatMap(({ delivery }) => (delivery === undefined ? [] : [delivery]))
  return {
    ...(deliveries.length > 0 && {
      delivery: { ms: median(deliveries.map(({ ms }) => ms)), blocks: median(deliveries.map(({ blocks }) => blocks)) },
    }),
    ...medianPace(runs),
    cold: medianPace(runs.map(({ cold }) => cold)),
    firstBlockMs: median(runs.map(({ firstBlockMs }) => firstBlockMs)),
    rssMiB: median(runs.map(({ rssMiB }) => rssMiB)),
  }
}

function medianPace(paces: readonly Pace[]): Pace {
  const of = (figure: keyof Pace): number => median(paces.map((pace) => pace[figure]))
  return { tps: of('tps'), cpuUsPerTx: of('cpuUsPerTx'), wallMs: of('wallMs') }
}

export function summary({ tps, cpuUsPerTx, cold }: Run): string {
  const first = `just started ${cold.tps.toFixed(0)} and ${cold.cpuUsPerTx.toFixed(0)} us`
  return `${tps.toFixed(0)} transfers/s, ${cpuUsPerTx.toFixed(0)} us CPU each (${first})`
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  const high = sorted[middle] as number
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] as number)) / 2
}
