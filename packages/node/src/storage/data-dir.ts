/**
 * A node's data folder: made and marked as ours, and locked for one process.
 *
 * The lock is a file whose name tells its owner: pid, and on Linux the process's start, so that a pid that was given to
 * another process (in a container it is often 1 again) does not pass for the owner. Each attempt has a name of its own, so
 * that the lock of an owner who is gone can be deleted without ever deleting a new one. Of several that start at the same
 * moment at most one gets in, and maybe none.
 * Processes in different containers cannot see each other; there the archive's own lock still keeps the second one out.
 */
import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rmdir, unlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { ArmError, isArmError } from '@armchain/core'
import { syncDirectory } from './disk.ts'

const MARKER = 'armchain.json'
/** What is written. In format 1 the index of transactions stood in the archive's store; it is made anew. */
const FORMAT = 2
const FORMATS_READ: readonly unknown[] = [1, FORMAT]
/** Pid and start of the owner stand in the name: it is there whole, or not at all. */
const LOCK = /^armchain\.lock\.(\d+)\.([^.]+)\.[0-9a-f]{8}$/
const UNKNOWN_START = 'unknown'

/** What a node writes where, by folder; a reset deletes these files and nothing else. */
const OWN_FILES: Readonly<Record<string, RegExp>> = {
  // Else a validator that starts over would take its first votes for ones that it had cast before.
  '.': /^guard\.json(\.tmp)?$/,
  wal: /^wal-\d{16}\.log$/,
  snapshots: /^snapshot-\d{16}\.bin(\.tmp)?$/,
  // Before the folder that it is in, which is removed when it is empty.
  'archive/tx-index': /^(run-\d{16}\.bin|manifest\.json(\.tmp)?)$/,
  archive: /^(\d+\.(ldb|sst|log|dbtmp)|MANIFEST-\d+|CURRENT|LOCK|LOG|LOG\.old)$/,
}

/** Entries that do not make a folder somebody else's. */
const NEUTRAL = /^(lost\+found|\.DS_Store|armchain\.lock\..*|armchain\.json\.tmp)$/

export type DataDir = AsyncDisposable & {
  /** Absolute. */
  readonly path: string
  readonly walDir: string
  readonly snapshotDir: string
  readonly archiveDir: string
  /** Whether nothing of a chain was in it. */
  readonly isNew: boolean
  /** Gives the lock back. */
  release(): Promise<void>
}

type Owner = { readonly name: string; readonly pid: number; readonly start: string }

/** Locks of this process, for where the system does not tell when a process started. */
const held = new Set<string>()

/**
 * Makes (mode 0700) or opens the data folder at `path`, and locks it.
 *
 * @param options.reset - Deletes what a node wrote there before. Other files stay.
 * @throws ArmError ARM_DATA_DIR if it cannot be used or is not ours; ARM_DATA_DIR_LOCKED with the pid of the owner.
 */
export async function openDataDir(path: string, options: { readonly reset: boolean }): Promise<DataDir> {
  const root = resolve(path)
  let lock: string
  try {
    await mkdir(root, { recursive: true, mode: 0o700 })
    await requireOurs(root)
    lock = await takeLock(root)
  } catch (cause) {
    throw dataDirError(root, cause)
  }
  try {
    if (options.reset || (await isResetting(root))) {
      await mark(root, 'resetting')
      await deleteOwnFiles(root)
    }
    await mark(root, 'ready')
    const isNew =
      (await Promise.all(Object.keys(OWN_FILES).map((folder) => ownFiles(root, folder)))).flat().length === 0
    return {
      path: root,
      walDir: join(root, 'wal'),
      snapshotDir: join(root, 'snapshots'),
      archiveDir: join(root, 'archive'),
      isNew,
      release: () => releaseLock(root, lock),
      [Symbol.asyncDispose]: () => releaseLock(root, lock),
    }
  } catch (cause) {
    await releaseLock(root, lock)
    throw dataDirError(root, cause)
  }
}

async function requireOurs(root: string): Promise<void> {
  const names = await readdir(root)
  if (!names.includes(MARKER)) {
    const foreign = names.find((name) => !NEUTRAL.test(name))
    if (foreign === undefined) return
    const hint = 'choose an empty folder, or one that a node made'
    throw new ArmError('ARM_DATA_DIR', `${root} holds other things than a node's data`, { path: root, foreign, hint })
  }
  const marker = parse(await readFile(join(root, MARKER), 'utf8'))
  if (FORMATS_READ.includes(marker?.format)) return
  const hint = 'use the version of the node that made the folder, or choose another folder'
  throw new ArmError('ARM_DATA_DIR', `${root} has a format that this version does not read`, {
    path: root,
    format: marker?.format,
    hint,
  })
}

/** Whether a reset was interrupted: what is left makes no sense, and is deleted too. */
async function isResetting(root: string): Promise<boolean> {
  const text = await readFile(join(root, MARKER), 'utf8').catch(absent)
  return text !== undefined && parse(text)?.state === 'resetting'
}

async function mark(root: string, state: 'ready' | 'resetting'): Promise<void> {
  const path = join(root, MARKER)
  await writeFile(`${path}.tmp`, `${JSON.stringify({ what: 'data of an ArmChain node', format: FORMAT, state })}\n`, {
    mode: 0o600,
    flush: true,
  })
  await rename(`${path}.tmp`, path)
  await syncDirectory(root)
}

/** Announces us, then looks for others: of two that do so at once, at least one sees the other. */
async function takeLock(root: string): Promise<string> {
  const pid = process.pid
  const name = `armchain.lock.${pid}.${processStart(pid) ?? UNKNOWN_START}.${randomUUID().slice(0, 8)}`
  const path = join(root, name)
  held.add(name)
  const startedAt = new Date(performance.timeOrigin).toISOString()
  try {
    await writeFile(path, `${JSON.stringify({ pid, startedAt })}\n`, { mode: 0o600, flag: 'wx' })
    for (const other of await readdir(root)) {
      const match = LOCK.exec(other)
      if (match === null || other === name) continue
      const owner = { name: other, pid: Number(match[1]), start: match[2] ?? UNKNOWN_START }
      if (isAlive(owner)) throw await lockedError(root, owner)
      await unlink(join(root, other)).catch(absent)
    }
    return name
  } catch (error) {
    await releaseLock(root, name)
    throw error
  }
}

async function releaseLock(root: string, name: string): Promise<void> {
  if (held.delete(name)) await unlink(join(root, name)).catch(absent)
}

async function lockedError(root: string, { name, pid }: Owner): Promise<ArmError> {
  const startedAt = parse((await readFile(join(root, name), 'utf8').catch(absent)) ?? '')?.startedAt
  return new ArmError('ARM_DATA_DIR_LOCKED', `${root} is in use by process ${pid}`, {
    path: root,
    pid,
    startedAt,
    hint: `stop process ${pid}, or choose another data folder`,
  })
}

function isAlive({ name, pid, start }: Owner): boolean {
  if (!hasProcess(pid)) return false
  const startNow = processStart(pid)
  if (startNow !== undefined) return startNow === start
  return pid !== process.pid || held.has(name)
}

function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return hasCode(error, 'EPERM')
  }
}

/**
 * What tells a process from a later one of the same pid, on Linux: the boot and the clock tick of its start.
 * `gone` for one that has ended and was not waited for yet; `undefined` where the system does not tell.
 */
function processStart(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // The name before may hold anything.
    return fields[0] === 'Z' || fields[0] === 'X' ? 'gone' : `${fields[19]}-${boot.slice(0, 8)}`
  } catch {
    return undefined
  }
}

async function ownFiles(root: string, folder: string): Promise<string[]> {
  const names = (await readdir(join(root, folder)).catch(absent)) ?? []
  return names.filter((name) => OWN_FILES[folder]?.test(name)).map((name) => join(root, folder, name))
}

async function deleteOwnFiles(root: string): Promise<void> {
  for (const folder of Object.keys(OWN_FILES)) {
    for (const path of await ownFiles(root, folder)) await unlink(path)
    if (folder === '.') continue
    await rmdir(join(root, folder)).catch((error) => {
      if (!hasCode(error, 'ENOENT') && !hasCode(error, 'ENOTEMPTY')) throw error
    })
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function absent(error: unknown): undefined {
  if (!hasCode(error, 'ENOENT')) throw error
  return undefined
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

function dataDirError(path: string, cause: unknown): ArmError {
  if (isArmError(cause)) return cause
  const reason = cause instanceof Error ? cause.message : String(cause)
  const hint = 'choose a folder that this user may write to, on a disk with free space'
  return new ArmError('ARM_DATA_DIR', `${path} cannot be used: ${reason}`, { path, hint }, { cause })
}
