import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Batch, Item } from './batch.ts'
import { packItems } from './batch.ts'
import { createEd25519Kernel, instantiateEd25519Kernel } from './kernel.ts'
import { BATCH_MAX, DATA_BYTES_MAX } from './limits.ts'
import {
  bytesOf,
  challenge,
  concat,
  integerOf,
  messageOf,
  ORDER,
  Point,
  reference,
  signed,
  TORSION,
  withTorsion,
} from './signatures.fixture.ts'

describe.each(['scalar', 'simd'] as const)('%s', (arithmetic) => {
  const kernel = createEd25519Kernel({ arithmetic })
  const honest = signed(0, messageOf(140))
  const forged: Item = { ...honest, message: messageOf(141) }
  const single = ({ publicKey, message, signature }: Item): boolean => kernel.verify(publicKey, message, signature)

  /** 64 signatures by 16 keys. */
  const pool = Array.from({ length: 64 }, (_, i) => signed(i % 16, messageOf(100 + i, i)))
  const nth = (i: number): Item => pool[i % pool.length] as Item
  const spoiled = (item: Item): Item => ({ ...item, message: concat(item.message, Uint8Array.of(1)) })

  describe('honest and forged', () => {
    test('one, alone and as a batch of one', () => {
      expect([single(honest), single(forged)]).toEqual([true, false])
      expect([kernel.verifyItems([honest]), kernel.verifyItems([forged])]).toEqual([[true], [false]])
    })

    test('no items', () => {
      expect(kernel.verifyItems([])).toEqual([])
      expect(kernel.verifyBatch({ type: 'items', data: new Uint8Array(0), offsets: Uint32Array.of(0) })).toHaveLength(0)
    })

    test.each([2, 3, 41, 42, 43, 63, 64, 65, 127, 128, 129, 1024])(
      'a batch of %i, good, and with its first and last bad',
      (count) => {
        const items = Array.from({ length: count }, (_, i) => nth(i))
        expect(kernel.verifyItems(items)).toEqual(items.map(() => true))
        const ends = items.map((item, i) => (i === 0 || i === count - 1 ? spoiled(item) : item))
        expect(kernel.verifyItems(ends)).toEqual(items.map((_, i) => i !== 0 && i !== count - 1))
      },
    )

    test('messages of every length around the blocks of the hash, and up to 4000 bytes', () => {
      const lengths = [...Array(300).keys(), 1000, 2047, 2048, 4000]
      const items = lengths.map((length) => signed(1, messageOf(length)))
      expect(kernel.verifyItems(items)).toEqual(items.map(() => true))
      expect(items.map(single)).toEqual(items.map(() => true))
      expect(kernel.verifyItems(items.map(spoiled))).toEqual(items.map(() => false))
    })

    test('bad ones at random places are found, whatever their number', () => {
      fc.assert(
        fc.property(fc.integer({ min: 1, max: 300 }), fc.infiniteStream(fc.boolean()), (count, stream) => {
          const good = Array.from({ length: count }, () => stream.next().value as boolean)
          expect(kernel.verifyItems(good.map((isGood, i) => (isGood ? nth(i) : spoiled(nth(i)))))).toEqual(good)
        }),
        { numRuns: 60 },
      )
    })

    test('one bad among 500 is found at each of some places', () => {
      const items = Array.from({ length: 500 }, (_, i) => nth(i))
      for (const place of [0, 1, 249, 250, 251, 498, 499])
        expect(kernel.verifyItems(items.with(place, spoiled(nth(place)))).indexOf(false)).toBe(place)
    })
  })

  describe('the ZIP215 rule', () => {
    test('s at or above the group order is refused, whatever else holds', () => {
      const R = honest.signature.slice(0, 32)
      const s = integerOf(honest.signature.slice(32))
      const with_ = (value: bigint): Item => ({ ...honest, signature: concat(R, bytesOf(value)) })
      const identity = Point.ZERO.toBytes()
      const trivial = (value: bigint): Item => ({
        ...honest,
        publicKey: identity,
        signature: concat(identity, bytesOf(value)),
      })
      const items = [
        with_(s),
        with_(s + ORDER),
        with_(s + 2n * ORDER),
        trivial(0n),
        trivial(ORDER),
        trivial(2n * ORDER),
        with_(2n ** 256n - 1n),
      ]
      const expected = [true, false, false, true, false, false, false]
      expect(items.map(reference)).toEqual(expected)
      expect(items.map(single)).toEqual(expected)
      expect(kernel.verifyItems(items)).toEqual(expected)
    })

    test('every part of small order in key and R is taken, alone and in batches of every composition', () => {
      const items = TORSION.flatMap((_, i) =>
        TORSION.map((_, j) => withTorsion(12345n + BigInt(i), 6789n + BigInt(j), messageOf(9, 8 * i + j), i, j)),
      )
      expect(items.map(reference)).toEqual(items.map(() => true))
      expect(items.map(single)).toEqual(items.map(() => true))
      expect(items.map((item) => kernel.verifyItems([item])[0])).toEqual(items.map(() => true))
      for (let round = 0; round < 20; round++) expect(kernel.verifyItems(items)).toEqual(items.map(() => true))
      expect(kernel.verifyItems(items.flatMap((item) => [item, spoiled(item), honest]))).toEqual(
        items.flatMap(() => [true, false, true]),
      )
    })

    test('keys and R that are not canonical: each y from p to 2^255 - 1, both signs, as the reference says', () => {
      const items: Item[] = []
      for (let excess = 0n; excess < 19n; excess++)
        for (const sign of [0n, 1n]) {
          const point = bytesOf(2n ** 255n - 19n + excess + (sign << 255n))
          items.push({ publicKey: point, message: messageOf(3), signature: concat(point, bytesOf(0n)) })
          const s = challenge(point, Point.BASE.toBytes(), messageOf(3)) // The key's secret is 1.
          items.push({ publicKey: Point.BASE.toBytes(), message: messageOf(3), signature: concat(point, bytesOf(s)) })
          items.push({ publicKey: point, message: messageOf(3), signature: concat(Point.BASE.toBytes(), bytesOf(1n)) })
        }
      const expected = items.map(reference)
      expect(expected.filter(Boolean).length).toBeGreaterThan(5)
      expect(items.map(single)).toEqual(expected)
      expect(kernel.verifyItems(items)).toEqual(expected)
    })

    test('mutated signatures: batch, single and reference agree', () => {
      const part = fc.constantFrom('publicKey', 'signature', 'message')
      const mutation = fc.option(fc.tuple(part, fc.nat(255), fc.integer({ min: 1, max: 255 })), { freq: 8 })
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(63), mutation), { minLength: 1, maxLength: 40 }), (choices) => {
          const items = choices.map(([index, change]) => {
            const { publicKey, message, signature } = nth(index)
            const item = { publicKey: publicKey.slice(), message: message.slice(), signature: signature.slice() }
            if (change) {
              const bytes = item[change[0] as keyof Item]
              bytes[change[1] % bytes.length] = (bytes[change[1] % bytes.length] as number) ^ change[2]
            }
            return item
          })
          const expected = items.map(reference)
          expect(kernel.verifyItems(items)).toEqual(expected)
          expect(items.map(single)).toEqual(expected)
        }),
        { numRuns: 100 },
      )
    })
  })

  describe('batches that an adversary composed', () => {
    /** Adds to s what another signature lacks: the errors cancel in a plain sum. */
    function shifted({ publicKey, message, signature }: Item, by: bigint): Item {
      const s = integerOf(signature.slice(32))
      return { publicKey, message, signature: concat(signature.slice(0, 32), bytesOf((s + by + ORDER) % ORDER)) }
    }

    test('errors that would cancel without random coefficients are found', () => {
      for (const count of [2, 3, 64, 200]) {
        const items = Array.from({ length: count }, (_, i) => nth(i))
        const crafted = items.with(0, shifted(nth(0), 1n)).with(count - 1, shifted(nth(count - 1), -1n))
        expect(kernel.verifyItems(crafted)).toEqual(items.map((_, i) => i !== 0 && i !== count - 1))
      }
    })

    test('with all coefficients alike they do cancel: the coefficients are what finds them', () => {
      const careless = createEd25519Kernel({ arithmetic, randomBytes: (out) => out.fill(1) })
      expect(careless.verifyItems([shifted(nth(0), 1n), shifted(nth(1), -1n)])).toEqual([true, true])
      expect(careless.verifyItems([shifted(nth(0), 1n), nth(1)])).toEqual([false, true])
    })

    test('coefficients of zero accept nothing', () => {
      const zero = createEd25519Kernel({ arithmetic, randomBytes: (out) => out.fill(0) })
      expect(zero.verifyItems([forged, honest, forged])).toEqual([false, true, false])
    })

    test('coefficients are fetched once a batch, 16 bytes an item', () => {
      const sizes: number[] = []
      const counting = createEd25519Kernel({
        arithmetic,
        randomBytes(out) {
          sizes.push(out.length)
          crypto.getRandomValues(out as Uint8Array<ArrayBuffer>)
        },
      })
      counting.verifyItems([forged, honest, forged, honest])
      expect(sizes).toEqual([64, 64])
    })

    test('the same signature many times, good and bad', () => {
      const items = Array.from({ length: 150 }, (_, i) => (i % 3 === 1 ? forged : honest))
      expect(kernel.verifyItems(items)).toEqual(items.map((_, i) => i % 3 !== 1))
    })
  })

  describe('the key cache', () => {
    test('far more keys than it holds: evicted and taken again, verdicts stay right', () => {
      const small = createEd25519Kernel({ arithmetic, keyCacheMax: 5 })
      for (let round = 0; round < 12; round++) {
        const items = Array.from({ length: 23 }, (_, i) => nth(i * (round + 1)))
        expect(small.verifyItems(items.map((item, i) => (i === round ? spoiled(item) : item)))).toEqual(
          items.map((_, i) => i !== round),
        )
      }
      const one = createEd25519Kernel({ arithmetic, keyCacheMax: 1 })
      expect(one.verifyItems([nth(0), nth(1), spoiled(nth(2)), nth(0)])).toEqual([true, true, false, true])
    })

    test('from the first use to the hundredth, in batches small and large and alone', () => {
      const fresh = createEd25519Kernel({ arithmetic })
      const many = Array.from({ length: 100 }, (_, i) => nth(i))
      for (let use = 0; use < 25; use++) {
        expect(fresh.verifyItems(pool.slice(0, 3))).toEqual([true, true, true])
        expect(fresh.verifyItems(many.with(use, spoiled(nth(use))))).toEqual(many.map((_, i) => i !== use))
        for (const item of pool.slice(0, 2))
          expect([
            fresh.verify(item.publicKey, item.message, item.signature),
            fresh.verify(item.publicKey, forged.message, item.signature),
          ]).toEqual([true, false])
      }
    })
  })

  describe('batches of transactions', () => {
    const domain = new Uint8Array(32).fill(0xd0)
    const keyOffset = 5
    const header = Uint8Array.of(0xc4, 0x40)

    function transaction(n: number, size = 60): Uint8Array {
      const { publicKey } = signed(n, new Uint8Array(0))
      const body = concat(messageOf(keyOffset, n), publicKey, messageOf(size, n))
      return concat(body, header, signed(n, concat(domain, body)).signature)
    }

    function batchOf(transactions: readonly Uint8Array[]): Batch {
      const offsets = new Uint32Array(transactions.length + 1)
      transactions.forEach((bytes, i) => {
        offsets[i + 1] = (offsets[i] as number) + bytes.length
      })
      return { type: 'transactions', data: concat(...transactions), offsets, domain, keyOffset }
    }

    test('good, bad and too short', () => {
      const good = transaction(1)
      const cases: [Uint8Array, number][] = [
        [good, 1],
        [good.with(0, (good[0] as number) ^ 1), 0],
        [good.with(good.length - 1, (good.at(-1) as number) ^ 1), 0],
        [new Uint8Array(0), 0],
        [transaction(2, 0), 1],
        [transaction(2, 0).slice(1), 0],
        [new Uint8Array(keyOffset + 32 + 65), 0],
        [transaction(3, 3000), 1],
      ]
      expect([...kernel.verifyBatch(batchOf(cases.map(([bytes]) => bytes)))]).toEqual(
        cases.map(([, verdict]) => verdict),
      )
      expect([...kernel.verifyBatch({ ...batchOf([good]), domain: new Uint8Array(32) } as Batch)]).toEqual([0])
      expect([...kernel.verifyBatch({ ...batchOf([good]), keyOffset: 0x7fff_ffff } as Batch)]).toEqual([0])
    })

    test('offsets that start within the data, and data that is a view', () => {
      const [first, second] = [transaction(1), transaction(2)]
      const data = concat(new Uint8Array(7), first, second, new Uint8Array(9)).subarray(3)
      const offsets = Uint32Array.of(4, 4 + first.length, 4 + first.length + second.length)
      expect([...kernel.verifyBatch({ type: 'transactions', data, offsets, domain, keyOffset })]).toEqual([1, 1])
    })

    test('one that is longer than a call takes', () => {
      const long = transaction(4, DATA_BYTES_MAX + 100)
      expect([...kernel.verifyBatch(batchOf([transaction(1), long, transaction(2)]))]).toEqual([1, 1, 1])
      expect([...kernel.verifyBatch(batchOf([transaction(1), long.fill(7, 60, 61), transaction(2)]))]).toEqual([
        1, 0, 1,
      ])
    })
  })

  describe('sizes', () => {
    test('more items than a call takes are split', () => {
      const count = 2 * BATCH_MAX + 10
      const batch = packItems(Array.from({ length: count }, (_, i) => (i % 1000 === 999 ? spoiled(nth(i)) : nth(i))))
      expect([...kernel.verifyBatch(batch)]).toEqual(
        Array.from({ length: count }, (_, i) => (i % 1000 === 999 ? 0 : 1)),
      )
    })

    test('more bytes than a call takes are split, and a longer message is hashed in parts', () => {
      const lengths = [
        DATA_BYTES_MAX - 96,
        1,
        DATA_BYTES_MAX - 95,
        DATA_BYTES_MAX / 2,
        DATA_BYTES_MAX / 2,
        2 * DATA_BYTES_MAX + 77,
      ]
      const items = lengths.map((length) => signed(3, messageOf(length)))
      expect(kernel.verifyItems(items)).toEqual(items.map(() => true))
      expect(items.map(single)).toEqual(items.map(() => true))
      expect(kernel.verifyItems(items.map((item, i) => (i % 2 === 0 ? spoiled(item) : item)))).toEqual(
        items.map((_, i) => i % 2 === 1),
      )
    })

    test('wrong lengths are false, not an error', () => {
      const bad: Item[] = [0, 1, 31, 33, 64].map((length) => ({ ...honest, publicKey: new Uint8Array(length) }))
      bad.push(...[0, 32, 63, 65, 128].map((length) => ({ ...honest, signature: new Uint8Array(length) })))
      expect(bad.map(single)).toEqual(bad.map(() => false))
      expect(kernel.verifyItems([honest, ...bad, honest])).toEqual([true, ...bad.map(() => false), true])
      expect([
        ...kernel.verifyBatch({ type: 'items', data: new Uint8Array(95), offsets: Uint32Array.of(0, 0, 95) }),
      ]).toEqual([0, 0])
    })

    test('arguments that describe no batch are refused by name', () => {
      const { data, offsets } = packItems([honest, honest])
      const good = { type: 'transactions', data, offsets, domain: new Uint8Array(32), keyOffset: 0 } as const
      const bad: [Batch, RegExp][] = [
        [{ ...good, data: [] as unknown as Uint8Array }, /data/],
        [{ ...good, offsets: [0] as unknown as Uint32Array }, /offsets/],
        [{ ...good, offsets: new Uint32Array(0) }, /offsets/],
        [{ ...good, offsets: Uint32Array.of(0, data.length + 1) }, /offsets/],
        [{ ...good, offsets: Uint32Array.of(0, 9, 8, data.length) }, /offsets/],
        [{ ...good, domain: new Uint8Array(31) }, /domain/],
        [{ ...good, keyOffset: -1 }, /keyOffset/],
        [{ ...good, keyOffset: Number.NaN }, /keyOffset/],
        [{ ...good, type: 'other' as 'items' }, /type/],
      ]
      for (const [batch, message] of bad) expect(() => kernel.verifyBatch(batch)).toThrow(message)
      for (const keyCacheMax of [0, -1, 1.5, Number.NaN, 1e9])
        expect(() => createEd25519Kernel({ arithmetic, keyCacheMax })).toThrow(/keyCacheMax/)
      expect(kernel.verifyItems([honest])).toEqual([true])
    })

    test('shared memory may hold the data', () => {
      const { data, offsets } = packItems([honest, forged])
      const shared = new Uint8Array(new SharedArrayBuffer(data.length))
      shared.set(data)
      expect([...kernel.verifyBatch({ type: 'items', data: shared, offsets })]).toEqual([1, 0])
    })
  })

  test('instantiated asynchronously it is the same', async () => {
    const other = await instantiateEd25519Kernel({ arithmetic, keyCacheMax: 10 })
    expect(other.verifyItems([honest, forged, nth(1)])).toEqual([true, false, true])
  })
})
