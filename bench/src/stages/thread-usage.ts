import { readdirSync, readFileSync } from 'node:fs'

/** CPU of each thread of a process so far, in nanoseconds, with the name that it goes by. */
export type ThreadUsage = ReadonlyMap<number, { readonly name: string; readonly cpuNs: number }>

/** From `/proc`, so on Linux only. Threads that have ended are missing. */
export function threadUsage(pid: number): ThreadUsage {
  const usage = new Map<number, { name: string; cpuNs: number }>()
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${task}`
    try {
      const name = readFileSync(`${folder}/comm`, 'utf8').trim()
      usage.set(Number(task), { name, cpuNs: Number(readFileSync(`${folder}/schedstat`, 'utf8').split(' ')[0]) })
    } catch {
      // It has ended since it was listed.
    }
  }
  return usage
}

/** CPU by name between two readings, in nanoseconds. */
export function usedBetween(before: ThreadUsage, after: ThreadUsage): Map<string, number> {
  const used = new Map<string, number>()
  for (const [task, { name, cpuNs }] of after)
    used.set(name, (used.get(name) ?? 0) + cpuNs - (before.get(task)?.cpuNs ?? 0))
  return used
}
