import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { createPoaEngine, createSimplexEngine, createSoloEngine } from '@armchain/consensus'
import { ArmError, createRuntime, genesisHash, INDEX_KEY_BYTES, isArmError, keyAccountIndex } from '@armchain/core'
import { createVerifyPool, sharedVerifyPool } from '@armchain/core/node'
import { standardModules } from '@armchain/shard'
import { ChainHost } from './chain/chain-host.ts'
import type { MutablePace } from './chain/dev.ts'
import { History } from './chain/history.ts'
import { BusyPace } from './chain/pace.ts'
import { setLogAside } from './chain/recover.ts'
import { verifyAll } from './chain/verify-batch.ts'
import { silentLog } from './log.ts'
import { type ArmNode, type NodeOptions, RunningNode } from './running-node.ts'
import { openArchive } from './storage/archive.ts'
import { VoteGuard } from './storage/vote-guard.ts'
import { openWal } from './storage/wal.ts'

export type { ArmNode, NodeOptions } from './running-node.ts'

/**
 * The composition of a node: log, state, chain machine, history, intake, network, RPC. Resolves when it serves.
 *
 * A validator among others whose log is damaged begins anew: it observes until nothing that it may have signed can be
 * contradicted, while its peers bring what is final. One that is alone has nobody to ask: it is refused.
 *
 * @throws ArmError ARM_LOG_CORRUPT, ARM_DATA_DIR, ARM_STORE, ARM_RPC_LISTEN and others of what it is made of.
 */
export async function createNode(options: NodeOptions): Promise<ArmNode> {
  const { dataDir, transport, log = silentLog } = options
  if (transport === undefined) return await startNode(options, undefined)
  if (dataDir === undefined)
    throw new ArmError('ARM_ARGUMENT', 'a validator among others needs a data folder', {
      hint: 'without one it would forget its votes, and could then contradict them',
    })
  const guard = await VoteGuard.open(join(dataDir.path, 'guard.json'))
  try {
    return await startNode(options, guard)
  } catch (error) {
    if (!isArmError(error) || error.code !== 'ARM_LOG_CORRUPT') throw error
    const aside = await setLogAside(dataDir, guard)
    log.warn('the log is damaged: it was set aside, and the peers are asked for what is final', {
      aside,
      reason: error.message,
    })
    return await startNode(options, guard)
  }
}

async function startNode(options: NodeOptions, guard: VoteGuard | undefined): Promise<ArmNode> {
  const { genesis, dataDir, durability = 'machine', log = silentLog } = options
  keyAccountIndex(randomBytes(INDEX_KEY_BYTES))
  const hash = genesisHash(genesis)
  const modules = [...standardModules(genesis.scheme, hash), ...(options.modules ?? [])]
  const runtime = createRuntime(genesis.scheme, modules, hash)
  const sync = durability === 'machine' ? 'fdatasync' : 'none'
  const wal = dataDir && (await openWal({ dir: dataDir.walDir, genesisHash: runtime.genesisHash, sync }))
  const archive = await openArchive({
    dir: dataDir?.archiveDir ?? 'memory',
    compression: genesis.scheme.compression === 'none' ? 'none' : 'zstd',
    onIndexing: (progress) =>
      progress.kind === 'damaged'
        ? log.warn('the index of transactions is damaged and is made anew at the start of a node', progress)
        : log.info('the index of transactions is made from the blocks', progress),
  })
  const verifier =
    options.verifyWorkers === undefined ? sharedVerifyPool() : createVerifyPool({ workers: options.verifyWorkers })
  const pace: MutablePace = { ...options.pace }
  const history = new History(archive, runtime)
  const engines = { solo: createSoloEngine, simplex: createSimplexEngine, poa: createPoaEngine, ...options.engines }
  const host = new ChainHost({
    runtime,
    genesis,
    engines,
    pace,
    signer: options.signer,
    wal,
    history,
    verify: (transactions) => verifyAll(verifier, runtime, transactions),
    nowMs: Date.now,
    log,
    ...(genesis.scheme.shards.every(({ engine }) => engine === 'solo') && { busyPace: new BusyPace(Date.now()) }),
    ...(guard && { guard }),
    ...(options.timing && { timing: options.timing }),
    ...(options.poolLimits && { poolLimits: options.poolLimits }),
  })
  const node = new RunningNode(options, { runtime, archive, wal, verifier, pace, history, host, log })
  try {
    await node.recover()
    await node.serve()
    return node
  } catch (error) {
    await node.close()
    throw error
  }
}
