import { expect, test } from 'vitest'
import { type CertificateCheck, createBridge, type Place } from './bridge.ts'
import { SeenIds } from './seen-ids.ts'

const MAIN: Place = { layer: 'main' }
const shard = (vShard: number): Place => ({ layer: 'shard', vShard })
/** The first byte says whether it verifies, the second who made it, the others whom it is for. */
const check: CertificateCheck = (_, bytes) => {
  if (bytes[0] === 0) return { code: 'invalid' }
  if (bytes[0] === 1) return { code: 'not-yet' }
  return { code: 'certified', from: bytes[1] as number, to: [...bytes.subarray(2)] }
}

test('heads go up, receipts go up and down, each once in each direction', () => {
  const bridge = createBridge(check)
  const head = { kind: 'head', bytes: Uint8Array.of(2, 3) } as const
  expect(bridge.decide({ ...head, on: shard(3) }, 0)).toEqual({ verdict: 'accept', to: [MAIN] })
  expect(bridge.decide({ ...head, on: shard(3) }, 0)).toEqual({ verdict: 'ignore', to: [] })
  expect(bridge.decide({ ...head, on: MAIN }, 0)).toEqual({ verdict: 'accept', to: [] })
  const receipt = { kind: 'receipt', bytes: Uint8Array.of(2, 3, 4, 5, 3) } as const
  expect(bridge.decide({ ...receipt, on: shard(3) }, 0)).toEqual({ verdict: 'accept', to: [MAIN] })
  expect(bridge.decide({ ...receipt, on: MAIN }, 0)).toEqual({ verdict: 'accept', to: [shard(4), shard(5)] })
  expect(bridge.decide({ ...receipt, on: shard(4) }, 0)).toEqual({ verdict: 'accept', to: [] })
})

test('what is not certified, not yet certified, or in the wrong place does not cross', () => {
  const bridge = createBridge(check)
  const decide = (bytes: Uint8Array, on: Place) => bridge.decide({ kind: 'head', bytes, on }, 0)
  expect(decide(Uint8Array.of(0, 3), shard(3))).toEqual({ verdict: 'reject', to: [] })
  expect(decide(Uint8Array.of(1, 3), shard(3))).toEqual({ verdict: 'ignore', to: [] })
  expect(decide(Uint8Array.of(2, 3), shard(4))).toEqual({ verdict: 'reject', to: [] })
})

test('what could not be verified may cross later', () => {
  let known = false
  const bridge = createBridge(() => (known ? { code: 'certified', from: 1, to: [] } : { code: 'not-yet' }))
  const head = { kind: 'head', bytes: Uint8Array.of(1), on: shard(1) } as const
  expect(bridge.decide(head, 0).verdict).toBe('ignore')
  known = true
  expect(bridge.decide(head, 0)).toEqual({ verdict: 'accept', to: [MAIN] })
})

test('ids are remembered for a while, in bounded memory', () => {
  const seen = new SeenIds<number>({ countMax: 3, forMs: 100 })
  const id = (i: number) => Uint8Array.of(i)
  for (let i = 0; i < 5; i++) seen.note(id(i), i, () => i)
  expect(seen.size).toBe(3)
  expect([0, 1, 2, 3, 4].map((i) => seen.get(id(i)))).toEqual([undefined, undefined, 2, 3, 4])
  expect(seen.note(id(4), 50, () => 9)).toBe(4)
  expect(seen.note(id(4), 150, () => 9)).toBe(9)
  expect(seen.size).toBe(1)
})
