import { utf8, wholeShard } from '@armchain/core'
import { ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { describe, expect, test } from 'vitest'
import { auditTranche, sortAuditor, verifyAuditor } from './auditors.ts'
import { lawDeviation } from './chi-square.fixture.ts'
import { domain, seedOf } from './dealing.fixture.ts'

const seat = { headHash: seedOf('head'), shard: wholeShard(7) }
const share = { mandates: 3, totalMandates: 100, expected: 10 }

test('the proof shows the tranche to everyone, for this block, shard, chain and key only', () => {
  const secretKey = seedOf('auditor')
  const publicKey = ed25519.getPublicKey(secretKey)
  const { tranche, proof } = sortAuditor(secretKey, domain, seat, share)
  expect(verifyAuditor(publicKey, domain, seat, { share, proof })).toBe(tranche)
  const others = [
    verifyAuditor(publicKey, domain, { ...seat, shard: wholeShard(8) }, { share, proof }),
    verifyAuditor(publicKey, domain, { ...seat, headHash: seedOf('other') }, { share, proof }),
    verifyAuditor(publicKey, { ...domain, schemaVersion: 2 }, seat, { share, proof }),
    verifyAuditor(ed25519.getPublicKey(seedOf('other')), domain, seat, { share, proof }),
    verifyAuditor(publicKey, domain, seat, { share, proof: proof.with(40, (proof[40] as number) ^ 1) }),
    verifyAuditor(publicKey, domain, seat, { share, proof: new Uint8Array(3) }),
  ]
  expect(others).toEqual(others.map(() => undefined))
})

describe('tranches', () => {
  /** Outputs of SHA-512 are as uniform as those of the function, and take a thousandth of the time. */
  const outputs = Array.from({ length: 100_000 }, (_, i) => sha512(utf8(`output ${i}`)))

  test('each is as likely as the share of mandates says', () => {
    // 10 * 3 / 100: three in ten for each of the first three tranches, one in ten for the fourth.
    const counts = [0, 0, 0, 0]
    for (const output of outputs) (counts[auditTranche(output, share)] as number)++
    expect(lawDeviation(counts, [3, 3, 3, 1])).toBeLessThan(5)
  })

  test('stake counts, however it is cut: as many auditors are expected of one owner as of its parts', () => {
    const first = (mandates: number): number =>
      outputs.filter((output) => auditTranche(output, { mandates, totalMandates: 1000, expected: 10 }) === 0).length
    expect(first(50) / outputs.length).toBeCloseTo(0.5, 2)
    expect(first(10) / outputs.length).toBeCloseTo(0.1, 2)
  })

  test('the ends of the range', () => {
    const all = { mandates: 1, totalMandates: 8, expected: 1 }
    expect(auditTranche(new Uint8Array(64), all)).toBe(0)
    expect(auditTranche(new Uint8Array(64).fill(255), all)).toBe(7)
    expect(auditTranche(new Uint8Array(64).fill(255), { mandates: 8, totalMandates: 8, expected: 1 })).toBe(0)
    // One eighth of the range is the first that is not in the first tranche.
    const eighth = new Uint8Array(64)
    eighth[0] = 0x20
    expect(auditTranche(eighth, all)).toBe(1)
    expect(auditTranche(new Uint8Array(64).fill(255).with(0, 0x1f), all)).toBe(0)
  })

  test('no honest auditor among forty expected: e^(-40 h) at most', () => {
    // 400 of 600 mandates are honest, each with a chance of 40/600.
    const missed = (1 - 40 / 600) ** 400
    expect(missed).toBeLessThan(Math.exp((-40 * 2) / 3))
    expect(missed).toBeLessThan(3e-12)
  })

  test.each([{ mandates: 0 }, { totalMandates: 2 }, { expected: 0 }, { expected: 1.5 }])('%j is refused', (change) => {
    expect(() => auditTranche(new Uint8Array(64), { ...share, ...change })).toThrow(
      expect.objectContaining({ code: 'ARM_ARGUMENT' }),
    )
  })
})
