import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

/** What a process and everything it started have used so far. */
export type Usage = { readonly cpuMs: number; readonly rssMiB: number }

/** Kernel ticks a second in `/proc`: 100 on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/** CPU (user and system) and resident memory of a process tree; throws if the process is gone. */
export function usageOf(pid: number): Usage {
  return process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
}

function fromProc(root: number): Usage {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    const fields = /^\d+$/.test(name) ? statOf(Number(name)) : undefined
    if (fields !== undefined) parents.set(Number(name), Number(fields[1]))
  }
  let ticks = 0
  let rssKiB = 0
  for (const pid of treeOf(root, parents)) {
    const fields = statOf(pid)
    if (fields === undefined) continue
    // utime, stime, and those of children that have ended: fields 14 to 17, here counted from the state, field 3.
    for (const index of [11, 12, 13, 14]) ticks += Number(fields[index])
    rssKiB += Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0)
  }
  return { cpuMs: (ticks * 1000) / TICKS_PER_SECOND, rssMiB: rssKiB / 1024 }
}

/** Fields of `/proc/PID/stat` after the command's name, which may hold spaces; undefined if the process has ended. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return undefined
  }
}

function fromPs(root: number): Usage {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,rss=,time='], { encoding: 'utf8' }).trim().split('\n')
  const fields = rows.map((row) => row.trim().split(/\s+/))
  const tree = treeOf(root, new Map(fields.map(([pid, parent]) => [Number(pid), Number(parent)])))
  let cpuMs = 0
  let rssKiB = 0
  for (const [pid, , rss, time = '0'] of fields) {
    if (!tree.has(Number(pid))) continue
    rssKiB += Number(rss)
    cpuMs += time.split(':').reduce((seconds, part) => 60 * seconds + Number(part), 0) * 1000
  }
  return { cpuMs, rssMiB: rssKiB / 1024 }
}

function treeOf(root: number, parents: ReadonlyMap<number, number>): Set<number> {
  const tree = new Set([root])
  for (let before = 0; before !== tree.size; ) {
    before = tree.size
    for (const [pid, parent] of parents) if (tree.has(parent)) tree.add(pid)
  }
  return tree
}

const QUIET_MS = 200
const QUIET_TRIES = 150

/** Waits until the tree has used next to no CPU for a while: what was put off during a run belongs to it. */
export async function whenIdle(pid: number): Promise<Usage> {
  let before = usageOf(pid)
  for (let tries = 0; tries < QUIET_TRIES; tries++) {
    await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
    const now = usageOf(pid)
    if (now.cpuMs - before.cpuMs <= 20) return now
    before = now
  }
  throw new Error(`the server is still busy ${(QUIET_MS * QUIET_TRIES) / 1000} s after the run`)
}
