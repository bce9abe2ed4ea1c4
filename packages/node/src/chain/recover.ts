import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ArmError } from '@armchain/core'
import type { Log } from '../log.ts'
import type { DataDir } from '../storage/data-dir.ts'
import { latestValidSnapshot } from '../storage/snapshot.ts'
import type { VoteGuard } from '../storage/vote-guard.ts'
import type { Wal } from '../storage/wal.ts'
import type { ChainHost } from './chain-host.ts'
import { RECORD_BLOCK, RECORD_CHECKPOINT, RECORD_ENGINE } from './engine-log.ts'
import type { History } from './history.ts'
import { restoreMachine } from './snapshots.ts'

export type Recovered = { readonly blocks: number; readonly truncatedBytes: number }

/**
 * Replays the log over the last snapshot, and gives history what it misses.
 *
 * @throws ArmError ARM_LOG_CORRUPT if the log is damaged before its end, or a block of it does not follow from the state.
 */
export async function recoverChain(
  host: ChainHost,
  history: History,
  { wal, dataDir, log }: { readonly wal: Wal; readonly dataDir: DataDir; readonly log: Log },
): Promise<Recovered> {
  const { archive } = history
  const skipped = (path: string, error: unknown): void =>
    log.warn('a snapshot is damaged and was skipped', { path, error: String(error) })
  const snapshot = await latestValidSnapshot(dataDir.snapshotDir, host.layout.genesisHash, (file, error) =>
    skipped(String(file), error),
  )
  if (snapshot !== undefined) host.restore(await restoreMachine(snapshot.meta, snapshot.chunks()))
  const archived = new Map<number, number>()
  for (const { vShard } of host.machine.shards) archived.set(vShard, (await archive.lastHeight(vShard)) ?? 0)
  let blocks = 0
  for await (const { kind, payload } of wal.replay(snapshot?.walSegment)) {
    if (kind === RECORD_ENGINE || kind === RECORD_CHECKPOINT) {
      host.replayEngine(kind, payload)
      continue
    }
    if (kind !== RECORD_BLOCK)
      throw new ArmError('ARM_LOG_CORRUPT', 'the log holds a record of an unknown kind', {
        kind,
        hint: 'start it with the version that wrote it',
      })
    for (const sealed of replayBlock(host, payload))
      if (sealed.executed.height > (archived.get(sealed.shard.vShard) ?? 0)) history.put(sealed)
    await archive.drained()
    blocks++
  }
  const { truncatedBytes } = wal.recovered
  if (truncatedBytes > 0) log.warn('the torn end of the log was cut', { truncatedBytes })
  return { blocks, truncatedBytes }
}

/**
 * Takes a log out of the way that cannot be read, with its snapshots: the node begins anew, and has its peers bring what
 * is final. The guard says first that votes may be forgotten.
 */
export async function setLogAside(dataDir: DataDir, guard: VoteGuard): Promise<string> {
  await guard.logIsLost()
  const aside = join(dataDir.path, 'damaged')
  // One is kept to be looked at: a disk that fails again and again must not fill itself.
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside, { mode: 0o700 })
  for (const [from, name] of [
    [dataDir.walDir, 'wal'],
    [dataDir.snapshotDir, 'snapshots'],
  ] as const)
    await rename(from, join(aside, name)).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT') throw error
    })
  return aside
}

/** Bytes of the files in a folder. */
export async function folderBytes(dir: string): Promise<number> {
  const names = await readdir(dir).catch(() => [])
  const sizes = await Promise.all(
    names.map((name) =>
      stat(join(dir, name)).then(
        (file) => file.size,
        () => 0,
      ),
    ),
  )
  return sizes.reduce((sum, size) => sum + size, 0)
}

function replayBlock(host: ChainHost, record: Uint8Array): ReturnType<ChainHost['replay']> {
  try {
    return host.replay(record)
  } catch (cause) {
    throw new ArmError(
      'ARM_LOG_CORRUPT',
      'a block of the log does not follow from the state',
      {
        reason: String((cause as Error).message),
        hint: 'restore the data folder from a copy, or start over with --reset',
      },
      { cause },
    )
  }
}
