import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLightClient, createRpcClient, createWallet, type RpcClient, trustedRoot } from '@armchain/client'
import { decodeMessage } from '@armchain/consensus'
import { formatAddress, MOTES_PER_AC } from '@armchain/core'
import { decodePeerMessage, encodePeerMessage, PeerKind } from '@armchain/node'
import { afterEach, describe, expect, test } from 'vitest'
import { runChaos } from './chaos.ts'
import { accountKey, startTestnet, type Testnet, type TestnetOptions } from './testnet.ts'
import type { Validators } from './validators.ts'

const AC = MOTES_PER_AC
const WAIT_MS = 20_000
const PAYEE = new Uint8Array(32).fill(7)

const cleanups: (() => Promise<void> | void)[] = []
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
})

describe('several validators', () => {
  test('pay inside and across shards, agree on every head, and prove it to a light client', async () => {
    const { testnet, validators, rpcs } = await start()
    const [ours] = rpcs as [RpcClient]
    const [alice, bob] = await Promise.all(testnet.accounts.map((account) => createWallet(ours, accountKey(account))))
    if (alice === undefined || bob === undefined) throw new Error('two accounts')
    const inside = await alice.wait(await alice.transfer(bob.address(1), 5n * AC))
    const across = await alice.wait(await alice.transfer(bob.address(2), 3n * AC, { vShard: 1 }), 'anchored')
    expect([inside.ok, across.ok]).toEqual([true, true])
    await until(async () => (await ours.call('arm_trace', { id: across.traceId })).done)
    await sameHeads(validators, rpcs)
    for (const rpc of rpcs) {
      const { ok, totalMotes } = await rpc.call('arm_getSupply')
      expect([ok, totalMotes]).toEqual([true, (await ours.call('arm_getSupply')).totalMotes])
    }
    const light = createLightClient(rpcs[3] as RpcClient, trustedRoot(testnet.genesis))
    const { account } = await light.account(bob.address(2))
    expect(account?.balance).toBe(10_003n * AC)
  })

  test('one that crashes is not missed, and catches up', async () => {
    const { validators, rpcs, pay } = await start()
    await pay(3)
    await validators.kill(2)
    expect(validators.list()[2]?.state).toBe('down')
    await pay(5)
    await validators.restart(2)
    await until(() => caughtUp(validators))
    await sameHeads(validators, [...rpcs.slice(0, 2), client(validators.node(2).url as string)])
  })

  test.each(['their logs', 'snapshots and what the logs hold after them'])(
    'all that crash at once go on from %s: nothing final is lost',
    async (from) => {
      const { validators, pay } = await start({ dataDir: folder() })
      const ids = [...(await pay(6))]
      for (let round = 0; from !== 'their logs' && round < 2; round++) {
        const snapshots = Promise.all([0, 1, 2, 3].map((validator) => validators.node(validator).snapshot()))
        // The chain goes on meanwhile.
        ids.push(...(await pay(3)))
        await snapshots
      }
      const before = await headsOf(client(validators.node(1).url as string), validators)
      await Promise.all([0, 1, 2, 3].map((validator) => validators.kill(validator)))
      await Promise.all([0, 1, 2, 3].map((validator) => validators.restart(validator)))
      for (const validator of [0, 3]) {
        const rpc = client(validators.node(validator).url as string)
        for (const { vShard, height, hash } of before)
          expect((await rpc.call('arm_getHead', { vShard, height })).hash).toBe(hash)
        for (const txId of ids) expect((await rpc.call('arm_getReceipt', { txId })).ok).toBe(true)
      }
      const rpc = client(validators.node(0).url as string)
      await until(() => caughtUp(validators))
      expect(await payThrough(rpc, validators, 2)).toHaveLength(2)
    },
  )

  test('one whose log is damaged in the middle observes until it can contradict nothing, then votes again', async () => {
    const dataDir = folder()
    const { validators, pay } = await start({ dataDir })
    await pay(4)
    await validators.kill(3)
    damageMiddle(join(dataDir, 'validator-3', 'wal'))
    const guard = guardOf(dataDir, 3)
    const first = new Map<number, number>()
    validators.network.onSent = (from, _to, bytes) => {
      const vote = from === 3 ? voteOf(bytes) : undefined
      if (vote !== undefined && !first.has(vote.vShard)) first.set(vote.vShard, vote.view)
    }
    await validators.restart(3)
    expect(readdirSync(join(dataDir, 'validator-3', 'damaged', 'wal')).length).toBeGreaterThan(0)
    await until(async () => {
      await pay(3)
      return first.size === 3
    })
    // Not one vote up to the last view in which it may have voted before.
    for (const [vShard, view] of first) expect(view).toBeGreaterThan(guard[vShard] ?? 0)
    await until(() => caughtUp(validators))
    // Of three a quorum needs each: without its votes nothing would be decided now.
    await validators.kill(2)
    expect(await pay(2)).toHaveLength(2)
  })

  test('one that stands still or is cut off comes back; a half decides nothing', async () => {
    const { validators, rpcs, pay } = await start()
    validators.pause(1)
    await pay(3)
    validators.resume(1)
    await until(() => new Set(validators.list().map((each) => JSON.stringify(each.heights))).size === 1)
    validators.partition([
      [0, 1],
      [2, 3],
    ])
    const heights = JSON.stringify(validators.list().map((each) => each.heights))
    await new Promise((resolve) => setTimeout(resolve, 1_500))
    expect(JSON.stringify(validators.list().map((each) => each.heights))).toBe(heights)
    validators.heal()
    await pay(3)
    await sameHeads(validators, rpcs)
  })

  test('one that floods the others with nonsense is cut off, and the others go on', async () => {
    const { validators, pay } = await start()
    const replayed: Uint8Array[] = []
    validators.network.onSent = (from, to, bytes) => {
      if (from === 3 && to === 0) replayed.push(bytes)
    }
    await pay(2)
    await validators.kill(3)
    const flooder = validators.network.join(3, [0, 1, 2, 3])
    cleanups.push(() => flooder.close())
    const junk = nonsense(replayed)
    for (let i = 0; i < 5_000; i++) flooder.send(i % 3, junk[i % junk.length] as Uint8Array, 'votes')
    expect(await pay(4)).toHaveLength(4)
    const cutOffs = [0, 1, 2].map((validator) => validators.node(validator).cutOffs)
    expect(cutOffs.every((count) => count > 0)).toBe(true)
  })

  test('chaos: whatever happens to them, they heal', async () => {
    const { rpcs } = await start()
    const lines: string[] = []
    const options = { rounds: 4, seed: 2, holdMs: 1_500, onProgress: (line: string) => void lines.push(line) }
    const report = await runChaos(rpcs[0] as RpcClient, options)
    expect(report.rounds).toHaveLength(4)
    expect(report.payments).toBeGreaterThan(10)
    expect(lines.length).toBeGreaterThan(8)
  })

  test('go on from their folders, and no other number of them', async () => {
    const dataDir = folder()
    const first = await start({ dataDir, validators: 4 })
    const [txId] = await first.pay(1)
    await first.testnet.close()
    await expect(startTestnet({ dataDir, validators: 7 })).rejects.toMatchObject({ code: 'ARM_DATA_DIR' })
    await expect(startTestnet({ dataDir, engine: 'poa', validators: 4 })).rejects.toMatchObject({
      code: 'ARM_DATA_DIR',
    })
    const second = await start({ dataDir })
    expect(second.testnet.fresh).toBe(false)
    const receipt = await (second.rpcs[1] as RpcClient).call('arm_getReceipt', { txId: txId as string })
    expect(receipt.ok).toBe(true)
  })

  test('decide on shards of one chain by different engines', async () => {
    const { testnet, rpcs, pay } = await start({ engine: ['simplex', 'poa', 'simplex'] })
    const [rpc] = rpcs as [RpcClient]
    const { shards } = await rpc.call('arm_network')
    expect(shards.map(({ engine }) => engine)).toEqual(['simplex', 'poa', 'simplex'])
    await pay(3)
    const [alice, bob] = await Promise.all(testnet.accounts.map((account) => createWallet(rpc, accountKey(account))))
    if (alice === undefined || bob === undefined) throw new Error('two accounts')
    const { traceId } = await alice.wait(await alice.transfer(bob.address(2), AC, { vShard: 1 }), 'anchored')
    await until(async () => (await rpc.call('arm_trace', { id: traceId })).done)
    const light = createLightClient(rpcs[2] as RpcClient, trustedRoot(testnet.genesis))
    expect((await light.account(bob.address(2))).account?.balance).toBe(10_001n * AC)
  })

  test('decide under poa too, as long as more than half are up', async () => {
    const { validators, pay } = await start({ validators: 3, engine: 'poa' })
    await pay(2)
    await validators.kill(1)
    expect(await pay(2)).toHaveLength(2)
  })
})

test('what one validator alone may do to a chain, none of several may', async () => {
  const { rpcs } = await start()
  const [rpc] = rpcs as [RpcClient]
  const calls = [rpc.call('dev_mine', {}), rpc.call('dev_snapshot'), rpc.call('dev_setBlockTime', { blockTimeMs: 5 })]
  for (const call of calls) await expect(call).rejects.toMatchObject({ code: 'ARM_DEV_PEERS' })
  const fault = (validator: number) => rpc.call('dev_fault', { validator, action: 'kill' })
  await expect(fault(0)).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
  await expect(fault(9)).rejects.toMatchObject({ code: 'ARM_NOT_FOUND' })
  await expect(rpc.call('dev_partition', { groups: [[0], [0, 1]] })).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
  await using alone = await startTestnet()
  const single = client(alone.rpcUrl)
  await expect(single.call('dev_validators')).rejects.toMatchObject({ code: 'ARM_DEV_ONLY' })
})

test.each([
  { validators: 0 },
  { validators: 32 },
  { validators: 1.5 },
  { validators: 4, blockTime: 'manual' as const },
  { engine: 'poa' as const },
  { validators: 4, engine: 'raft' as 'poa' },
])('%o is no testnet', async (options) => {
  await expect(startTestnet(options)).rejects.toMatchObject({ code: 'ARM_ARGUMENT' })
})

type Started = {
  readonly testnet: Testnet
  readonly validators: Validators
  readonly rpcs: readonly RpcClient[]
  /** Pays so many motes through the first validator; the ids once all are in blocks. */
  readonly pay: (count: number) => Promise<readonly string[]>
}

async function start(options: TestnetOptions = {}): Promise<Started> {
  const testnet = await startTestnet({ validators: 4, ...options })
  cleanups.push(() => testnet.close())
  const { validators } = testnet
  if (validators === undefined) throw new Error('several validators')
  const rpcs = validators.list().map(({ rpcUrl }) => client(rpcUrl as string))
  return { testnet, validators, rpcs, pay: (count) => payThrough(rpcs[0] as RpcClient, validators, count) }
}

async function payThrough(rpc: RpcClient, validators: Validators, count: number): Promise<readonly string[]> {
  const { shards } = validators.node(0).host.layout
  const book = await rpc.call('arm_network')
  const ids: string[] = []
  for (let i = 0; i < count; i++) {
    const { vShard } = book.shards[i % shards.length] as { vShard: number }
    const { txId } = await rpc.call('dev_faucet', {
      address: formatAddress({ account: PAYEE, vShard }, book.addressPrefix),
      amountMotes: '1',
    })
    ids.push(txId)
  }
  for (const txId of ids) await rpc.call('arm_waitForReceipt', { txId, timeoutMs: WAIT_MS }, { timeoutMs: WAIT_MS })
  return ids
}

function client(url: string): RpcClient {
  const rpc = createRpcClient({ url })
  cleanups.push(() => rpc.close())
  return rpc
}

async function headsOf(rpc: RpcClient, validators: Validators) {
  await validators.node(0).host.settled()
  const { shards } = await rpc.call('arm_status')
  return shards.map(({ vShard, height, headHash }) => ({ vShard, height, hash: headHash }))
}

async function sameHeads(validators: Validators, rpcs: readonly RpcClient[]): Promise<void> {
  for (const { vShard, height, hash } of await headsOf(rpcs[0] as RpcClient, validators)) {
    for (const rpc of rpcs) {
      await until(async () => {
        const { shards } = await rpc.call('arm_status')
        return (shards.find((shard) => shard.vShard === vShard)?.height ?? 0) >= height
      })
      expect((await rpc.call('arm_getHead', { vShard, height })).hash).toBe(hash)
    }
  }
}

function caughtUp(validators: Validators): boolean {
  const [first, ...others] = validators.list().filter(({ state }) => state !== 'down')
  return others.every(({ heights }) =>
    heights.every(({ height }, i) => Math.abs(height - (first?.heights[i]?.height ?? 0)) <= 2),
  )
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const end = performance.now() + WAIT_MS
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not happen in time')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

/** The vote that a message casts. */
function voteOf(bytes: Uint8Array): { readonly vShard: number; readonly view: number } | undefined {
  const message = decodePeerMessage(bytes)
  if (message?.kind !== PeerKind.engine) return undefined
  const vote = decodeMessage(message.bytes)
  if (vote?.type !== 'vote' && vote?.type !== 'proposal') return undefined
  return { vShard: message.vShard, view: vote.view }
}

/** Last views that a validator's guard names, by vShard. */
function guardOf(dataDir: string, validator: number): Readonly<Record<number, number>> {
  return JSON.parse(readFileSync(join(dataDir, `validator-${validator}`, 'guard.json'), 'utf8')).views
}

function damageMiddle(walDir: string): void {
  const [name] = readdirSync(walDir)
  const file = join(walDir, name as string)
  const bytes = readFileSync(file)
  const middle = bytes.length >> 1
  bytes[middle] = (bytes[middle] as number) ^ 0x55
  writeFileSync(file, bytes)
}

/** What a hostile peer may think of: malformed, oversized, of another epoch, and again what was said before. */
function nonsense(said: readonly Uint8Array[]): readonly Uint8Array[] {
  const engine = (bytes: Uint8Array) => encodePeerMessage({ kind: PeerKind.engine, vShard: 1, bytes })
  const votes = said.filter((bytes) => voteOf(bytes) !== undefined)
  const bent = votes.map((bytes) => {
    const copy = bytes.slice()
    copy[copy.length - 3] = (copy[copy.length - 3] as number) ^ 1
    return copy
  })
  return [
    new Uint8Array(0),
    new Uint8Array(40).fill(9),
    engine(new Uint8Array(30).fill(0xff)),
    engine(new Uint8Array(300_000)),
    encodePeerMessage({ kind: PeerKind.engine, vShard: 77, bytes: new Uint8Array(3) }),
    encodePeerMessage({ kind: PeerKind.blocks, vShard: 1, blocks: [new Uint8Array(20)] }),
    encodePeerMessage({ kind: PeerKind.transactions, transactions: [new Uint8Array(50)] }),
    ...bent,
    ...said.slice(0, 20),
  ]
}

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'validators-'))
  cleanups.push(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}
