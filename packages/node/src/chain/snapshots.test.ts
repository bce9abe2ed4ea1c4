import { createSoloEngine } from '@armchain/consensus'
import {
  activeEd25519,
  bank,
  createRuntime,
  defaultScheme,
  ed25519Validators,
  fees,
  genesisHash,
  keyPairFromSecret,
  sha256,
  tokenAllocations,
  utf8,
  vesting,
} from '@armchain/core'
import { ChainMachine, genesisLayout, type Tip } from '@armchain/shard'
import { expect, test } from 'vitest'
import { restoreMachine, snapshotMachine } from './snapshots.ts'

const validator = keyPairFromSecret(sha256(utf8('validator')))
const shards = [0, 1].map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([validator.publicKey]) }))
const scheme = defaultScheme({ chainId: 7, networkId: 'test', shards })
const genesis = { scheme, timeMs: 1_000, allocations: tokenAllocations() }
const hash = genesisHash(genesis)
const { layout, states } = genesisLayout(genesis, hash)

function create(parts: { states?: typeof states; tips?: readonly Tip[] } = {}): ChainMachine {
  return new ChainMachine({
    runtime: createRuntime(scheme, [bank, fees, vesting], hash),
    layout,
    states,
    engines: { solo: createSoloEngine },
    pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
    signer: () => ({
      index: 0,
      account: validator.account,
      sign: (message) => activeEd25519().sign(message, validator.secretKey),
    }),
    ...parts,
  })
}

const machine = create()
machine.start(1_000)
for (const shard of [1, 0, 1, 1, 0, 1]) machine.step(2_000, { type: 'seal', shard })
const certificate = (vShard: number) => Uint8Array.of(vShard)
const { meta, chunks } = snapshotMachine(machine, certificate)

async function codeOf(answer: Promise<unknown>): Promise<string | undefined> {
  return await answer.then(
    () => undefined,
    (error: { code?: string }) => error.code ?? `no ArmError: ${error}`,
  )
}

test('a machine goes on from a snapshot as the one that it was taken of', async () => {
  const restored = await restoreMachine(meta, chunks)
  const other = create(restored)
  restored.restore(other)
  expect(restored.certificates).toEqual([Uint8Array.of(0), Uint8Array.of(1)])
  expect(snapshotMachine(other, certificate)).toEqual({ meta, chunks })
  other.start(3_000)
  for (const shard of [0, 1]) {
    const [a, b] = [machine, other].map((each) => each.step(4_000, { type: 'seal', shard }))
    expect(b).toEqual(a)
  }
})

test('parts that are missing, too many or out of place are refused', async () => {
  const [mailbox, first, ...rest] = chunks as [Uint8Array, Uint8Array, ...Uint8Array[]]
  expect(await codeOf(restoreMachine(meta, [...chunks, first]))).toBe('ARM_SNAPSHOT_CORRUPT')
  expect(await codeOf(restoreMachine(meta, chunks.slice(0, 2)))).toBe('ARM_SNAPSHOT_CORRUPT')
  expect(await codeOf(restoreMachine(meta, []))).toBe('ARM_SNAPSHOT_CORRUPT')
  expect(await codeOf(restoreMachine(meta, [mailbox, ...rest, first]))).toBe('ARM_SNAPSHOT_CORRUPT')
})

test('whatever is changed, only errors of ours come out', async () => {
  let seed = 1
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((seed / 2 ** 32) * below)
  }
  let refused = 0
  for (let i = 0; i < 4_000; i++) {
    const parts = [meta, ...chunks].map((part) => part.slice())
    const changed = parts[i % 2 === 0 ? 0 : random(parts.length)] as Uint8Array
    if (changed.length > 0) changed[random(changed.length)] = random(256)
    const code = await codeOf(
      restoreMachine(parts[0] as Uint8Array, parts.slice(1)).then(({ restore, ...restored }) => {
        restore(create(restored.states.length === 2 ? restored : {}))
      }),
    )
    if (code === undefined) continue
    expect(code).toMatch(/^ARM_/)
    refused++
  }
  expect(refused).toBeGreaterThan(1_000)
})
