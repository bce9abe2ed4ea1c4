import { activeEd25519, keyPairFromSecret } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DIGEST_LIFE_MS, DIGEST_NEIGHBOURS_MAX } from './limits.ts'
import { checkDigest, MeshObserver, signDigest } from './mesh-digest.ts'
import { Probe } from './probe.ts'

const NETWORK = new Uint8Array(32).fill(1)
const MESH = { epoch: 3, vShard: 7 }
const keys = Array.from({ length: 12 }, (_, i) => keyPairFromSecret(new Uint8Array(32).fill(i + 1)))
const keyOf = (index: number) => keys[index]!.publicKey

function digestOf(index: number, neighbours: readonly number[], sequence = 1): Uint8Array {
  const unsigned = { ...MESH, key: keyOf(index), sequence, neighbours: neighbours.map(keyOf) }
  return signDigest(NETWORK, unsigned, (message) => activeEd25519().sign(message, keys[index]!.secretKey))
}

function observe(links: readonly (readonly number[])[], nowMs = 0): MeshObserver {
  const observer = new MeshObserver(MESH)
  links.forEach((neighbours, index) => {
    observer.offer(checkDigest(NETWORK, digestOf(index, neighbours))!, nowMs)
  })
  return observer
}

test('components and minimum cut of what the members say', () => {
  expect(
    observe([
      [1, 3],
      [0, 2],
      [1, 3],
      [2, 0],
    ]).metrics(0),
  ).toEqual({ members: 4, components: 1, minCut: 2, oneSided: 0 })
  expect(observe([[1], [0], [3], [2]]).metrics(0)).toEqual({ members: 4, components: 2, minCut: 0, oneSided: 0 })
  expect(observe([[1], [0, 2], [1]]).metrics(0)).toEqual({ members: 3, components: 1, minCut: 1, oneSided: 0 })
  expect(observe([]).metrics(0)).toEqual({ members: 0, components: 0, minCut: 0, oneSided: 0 })
})

test('a link counts if both ends name it: nobody can pretend to hold a mesh together', () => {
  const liar = [0, 1, 3, 4]
  const links = [[1, 2], [0, 2], liar, [4, 2], [3]]
  expect(observe(links).metrics(0)).toMatchObject({ components: 1, minCut: 1 })
  expect(observe([[1], [0], liar, [4], [3]]).metrics(0)).toEqual({ members: 5, components: 3, minCut: 0, oneSided: 4 })
})

test('the newest digest of a member counts, for a while', () => {
  const observer = observe([[1], [0]])
  expect(observer.offer(checkDigest(NETWORK, digestOf(0, []))!, 5)).toBe('older')
  expect(observer.offer(checkDigest(NETWORK, digestOf(0, [], 2))!, 5)).toBe('taken')
  expect(observer.metrics(5)).toEqual({ members: 2, components: 2, minCut: 0, oneSided: 1 })
  expect(observer.metrics(DIGEST_LIFE_MS + 1)).toMatchObject({ members: 1 })
  const other = signDigest(NETWORK, { epoch: 4, vShard: 7, key: keyOf(0), sequence: 9, neighbours: [] }, (message) =>
    activeEd25519().sign(message, keys[0]!.secretKey),
  )
  expect(observer.offer(checkDigest(NETWORK, other)!, 5)).toBe('other-mesh')
})

test('no byte of a digest can be changed, and any bytes are refused without a throw', () => {
  const digest = digestOf(0, [1, 2])
  for (let at = 0; at < digest.length; at++) {
    const tampered = digest.slice()
    tampered[at] = (tampered[at] as number) ^ 1
    expect(checkDigest(NETWORK, tampered)).toBeUndefined()
  }
  expect(checkDigest(new Uint8Array(32), digest)).toBeUndefined()
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => checkDigest(NETWORK, bytes) === undefined))
  const many = Array.from({ length: 100 }, () => 1)
  expect(checkDigest(NETWORK, digestOf(0, many))!.neighbours).toHaveLength(DIGEST_NEIGHBOURS_MAX)
})

test('a probe says how many members acknowledged, who did not, and when', () => {
  const probe = new Probe(['a', 'b', 'c', 'd'], 1000)
  expect(probe.report()).toEqual({ coverage: 0, missing: ['a', 'b', 'c', 'd'], medianMs: undefined, lastMs: undefined })
  probe.acknowledge('a', 1010)
  probe.acknowledge('stranger', 1011)
  probe.acknowledge('b', 1020)
  probe.acknowledge('b', 1030)
  probe.acknowledge('c', 1050)
  expect(probe.report()).toEqual({ coverage: 0.75, missing: ['d'], medianMs: 20, lastMs: 50 })
  expect(new Probe([], 0).report().coverage).toBe(1)
})
