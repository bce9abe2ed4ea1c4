import { type ShardKey, toHex, wholeShard } from '@armchain/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { exactTail } from '../risk/exact.ts'
import { lawDeviation } from './chi-square.fixture.ts'
import { domain, equalStakes, ownerOf, seedOf, stakeList } from './dealing.fixture.ts'
import { cutMandates, mandatePrice, type Stake } from './mandates.ts'
import { type DealingRules, dealPools, noPools, type Pools, poolsCodec, type Seat } from './pools.ts'
import { SeedStream, sample } from './seed-stream.ts'
import { asWitnesses, drawWitnesses, termSeed } from './witnesses.ts'

const shardsOf = (count: number): ShardKey[] => Array.from({ length: count }, (_, i) => wholeShard(i + 1))
const stakesArbitrary = fc
  .uniqueArray(fc.tuple(fc.nat(1_000), fc.bigInt(1n, 10n ** 12n)), {
    minLength: 5,
    maxLength: 40,
    selector: ([id]) => id,
  })
  .map((stakes) => stakeList(stakes.map(([id, stakeMotes]) => ({ owner: ownerOf(id), stakeMotes }))))

describe('mandates', () => {
  test('as many as asked for at the highest price, one for each full price', () => {
    const property = fc.property(stakesArbitrary, fc.integer({ min: 1, max: 500 }), (stakes, target) => {
      const mandates = cutMandates(stakes, { target, ownerMax: 1_000 })
      const price = mandatePrice(stakes, target, 1_000)
      const at = (motes: bigint): bigint => stakes.reduce((sum, { stakeMotes }) => sum + stakeMotes / motes, 0n)
      const total = mandates.reduce((sum, { count }) => sum + count, 0)
      expect(total).toBeGreaterThanOrEqual(target)
      expect(at(price + 1n)).toBeLessThan(target)
      for (const { owner, count } of mandates) {
        const { stakeMotes } = stakes.find((stake) => stake.owner === owner) as Stake
        expect(count).toBe(Math.min(1_000, Number(stakeMotes / price)))
      }
    })
    fc.assert(property, { seed: 61 })
  })

  test('no owner has more than its limit, and the others get what it lost', () => {
    const stakes = stakeList([{ owner: ownerOf('whale'), stakeMotes: 10n ** 15n }, ...equalStakes(30)])
    const mandates = cutMandates(stakes, { target: 100, ownerMax: 10 })
    expect(Math.max(...mandates.map(({ count }) => count))).toBe(10)
    expect(mandates.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(100)
  })

  test('splitting stake among owners gives no more mandates at a price', () => {
    const property = fc.property(
      fc.array(fc.bigInt(1n, 10n ** 9n), { minLength: 2, maxLength: 10 }),
      fc.bigInt(1n, 10n ** 8n),
      (parts, price) => {
        const whole = parts.reduce((sum, part) => sum + part, 0n)
        const split = parts.reduce((sum, part) => sum + part / price, 0n)
        expect(split).toBeLessThanOrEqual(whole / price)
      },
    )
    fc.assert(property, { seed: 62 })
  })

  test.each([
    ['too few for so many seats', equalStakes(3, 1n), { target: 4, ownerMax: 10 }, 'ARM_ELECTION'],
    ['a list that is empty', [], { target: 1, ownerMax: 1 }, 'ARM_ELECTION'],
    ['a list out of order', equalStakes(3).toReversed(), { target: 3, ownerMax: 3 }, 'ARM_ELECTION'],
    ['an owner twice', [equalStakes(1)[0], equalStakes(1)[0]] as Stake[], { target: 1, ownerMax: 1 }, 'ARM_ELECTION'],
    ['a stake of nothing', equalStakes(1, 0n), { target: 1, ownerMax: 1 }, 'ARM_ELECTION'],
    ['a stake beyond 64 bits', equalStakes(1, 2n ** 64n), { target: 1, ownerMax: 1 }, 'ARM_ELECTION'],
    ['no target', equalStakes(3), { target: 0, ownerMax: 3 }, 'ARM_ARGUMENT'],
    ['no limit', equalStakes(3), { target: 1, ownerMax: Number.POSITIVE_INFINITY }, 'ARM_ARGUMENT'],
  ])('%s is refused', (_, stakes, rules, code) => {
    expect(() => cutMandates(stakes, rules)).toThrow(expect.objectContaining({ code }))
  })
})

describe('pools', () => {
  const rules: DealingRules = { poolSeats: 16, mandates: 64, ownerMax: 64 }
  const shards = shardsOf(4)
  const seatsOf = ({ pools }: Pools): Seat[] => pools.flatMap(({ seats }) => seats)
  const count = (seats: readonly Seat[], owner: Uint8Array): number =>
    seats.filter((seat) => toHex(seat.owner) === toHex(owner)).length
  const next = (previous: Pools, stakes: readonly Stake[], removed: Uint8Array[] = []): Pools =>
    dealPools(previous, { shards, stakes, removed, seed: seedOf(previous.epoch + 1) }, rules)

  test('full, a quarter new each epoch, and no owner above its mandates', () => {
    const property = fc.property(stakesArbitrary, fc.nat(1_000), (stakes, salt) => {
      const mandates = cutMandates(stakes, { target: rules.mandates, ownerMax: rules.ownerMax })
      let pools = noPools(5)
      for (let epoch = 5; epoch < 16; epoch++) {
        const before = pools
        pools = dealPools(before, { shards, stakes, removed: [], seed: seedOf(`${salt} ${epoch}`) }, rules)
        expect(pools.epoch).toBe(epoch)
        expect(pools.pools.map(({ seats }) => seats.length)).toEqual([16, 16, 16, 16])
        if (epoch > 5)
          pools.pools.forEach(({ seats }, i) => {
            const old = before.pools[i]?.seats ?? []
            expect(seats.filter((seat) => old.includes(seat))).toHaveLength(12)
          })
        for (const { owner, count: most } of mandates) expect(count(seatsOf(pools), owner)).toBeLessThanOrEqual(most)
        for (const { endsAt } of seatsOf(pools)) expect([1, 2, 3, 4]).toContain(endsAt - epoch)
      }
    })
    fc.assert(property, { numRuns: 30, seed: 63 })
  })

  test('a stake list that changes is followed as seats end', () => {
    const owners = equalStakes(32)
    let pools = next(noPools(0), owners)
    const leaver = owners[0] as Stake
    const held = count(seatsOf(pools), leaver.owner)
    expect(held).toBe(2)
    for (let epoch = 1; epoch <= 4; epoch++) pools = next(pools, owners.slice(1).concat())
    expect(count(seatsOf(pools), leaver.owner)).toBe(0)
    expect(seatsOf(pools)).toHaveLength(64)
  })

  test('a removed owner has no seat from the next epoch on, and the others keep theirs', () => {
    const owners = equalStakes(32)
    const before = next(noPools(0), owners)
    const { owner } = owners[3] as Stake
    const after = next(
      before,
      owners.filter((stake) => stake.owner !== owner),
      [owner],
    )
    expect(count(seatsOf(after), owner)).toBe(0)
    const kept = seatsOf(before).filter((seat) => seat.endsAt > 1 && seat.owner !== owner)
    for (const seat of kept) expect(seatsOf(after)).toContain(seat)
  })

  test('a shard that is added is filled at once and falls into step; one that is gone frees its seats', () => {
    const stakes = equalStakes(64)
    const deal = (previous: Pools, several: readonly ShardKey[]): Pools =>
      dealPools(previous, { shards: several, stakes, removed: [], seed: seedOf(previous.epoch) }, rules)
    let pools = deal(deal(noPools(0), shardsOf(3)), shardsOf(4))
    const ends = (pools.pools[3]?.seats ?? []).map(({ endsAt }) => endsAt - pools.epoch)
    expect(ends.toSorted()).toEqual([1, 2, 3, 4].flatMap((left) => [left, left, left, left]))
    for (let i = 0; i < 3; i++)
      pools = deal(
        pools,
        [1, 2, 4].map((id) => wholeShard(id)),
      )
    expect(pools.pools.map(({ seats }) => seats.length)).toEqual([16, 16, 16])
    expect(new Set(seatsOf(pools).map((seat) => toHex(seat.owner))).size).toBe(48)
  })

  test('have one encoding', () => {
    const pools = next(noPools(0), equalStakes(64))
    expect(poolsCodec.decode(poolsCodec.encode(pools))).toEqual(pools)
  })

  test.each([
    ['no shard', { shards: [] }, {}],
    ['shards out of order', { shards: shardsOf(4).toReversed() }, {}],
    ['a shard twice', { shards: [wholeShard(1), wholeShard(1)] }, {}],
    ['pools that have no quarter', {}, { poolSeats: 15 }],
    ['more seats than mandates', {}, { mandates: 63 }],
  ])('%s: refused', (_, election, change) => {
    const usual = { shards, stakes: equalStakes(64), removed: [], seed: seedOf(0) }
    expect(() => dealPools(noPools(0), { ...usual, ...election }, { ...rules, ...change })).toThrow(
      expect.objectContaining({ code: 'ARM_ARGUMENT' }),
    )
  })
})

describe('the law of the deal', () => {
  /** Weights of 0 to `committee` bad seats: C(K, x) C(N - K, n - x) / C(N, n). */
  function hypergeometric(population: number, faulty: number, committee: number): number[] {
    const tail = (seats: number): number => {
      const { numerator, denominator } = exactTail({ population, faulty, committee }, seats)
      return Number((numerator * 10n ** 18n) / denominator)
    }
    return Array.from({ length: committee + 1 }, (_, x) => tail(x) - tail(x + 1))
  }

  test('a million committees: bad seats are hypergeometric, and each owner is as likely as any', () => {
    const seats = Array.from({ length: 40 }, (_, i) => i)
    const stream = new SeedStream(seedOf('a million committees'))
    const bad = new Array<number>(9).fill(0)
    const owners = new Array<number>(40).fill(0)
    for (let i = 0; i < 1_000_000; i++) {
      const committee = sample(seats, 8, stream)
      // The bad ones are the first by id: where they stand must not matter.
      ;(bad[committee.filter((seat) => seat < 10).length] as number)++
      for (const seat of committee) (owners[seat] as number)++
    }
    expect(lawDeviation(bad, hypergeometric(40, 10, 8))).toBeLessThan(5)
    // Negative correlation within a committee makes the statistic smaller than its mean: scaled by (N - 1) / (N - n).
    const expected = (1_000_000 * 8) / 40
    const statistic = owners.reduce((sum, each) => sum + (each - expected) ** 2 / expected, 0) * (39 / 32)
    expect(Math.abs(statistic - 39) / Math.sqrt(2 * 39)).toBeLessThan(5)
  })

  test('pools whose first seats have all ended: bad seats are hypergeometric, by whatever place in the list', () => {
    const rules: DealingRules = { poolSeats: 8, mandates: 24, ownerMax: 1 }
    const shards = shardsOf(3)
    const stakes = equalStakes(24)
    const [first, middle] = [0, 9].map((at) => new Set(stakes.slice(at, at + 6).map(({ owner }) => toHex(owner))))
    const counts = { first: new Array<number>(9).fill(0), middle: new Array<number>(9).fill(0) }
    for (let chain = 0; chain < 6_000; chain++) {
      let pools = noPools(0)
      for (let epoch = 0; epoch < 5; epoch++)
        pools = dealPools(pools, { shards, stakes, removed: [], seed: seedOf(`law ${chain} ${epoch}`) }, rules)
      const seats = pools.pools[chain % 3]?.seats ?? []
      const held = (group?: Set<string>): number => seats.filter(({ owner }) => group?.has(toHex(owner))).length
      ;(counts.first[held(first)] as number)++
      ;(counts.middle[held(middle)] as number)++
    }
    expect(lawDeviation(counts.first, hypergeometric(24, 6, 8))).toBeLessThan(5)
    expect(lawDeviation(counts.middle, hypergeometric(24, 6, 8))).toBeLessThan(5)
  })

  test('on one chain with a seat for each mandate, seats that end together are dealt together: strata', () => {
    const rules: DealingRules = { poolSeats: 8, mandates: 24, ownerMax: 1 }
    const shards = shardsOf(3)
    const stakes = equalStakes(24)
    const bad = new Set(stakes.slice(0, 6).map(({ owner }) => toHex(owner)))
    let pools = noPools(0)
    let sum = 0
    let squares = 0
    const EPOCHS = 8_000
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      pools = dealPools(pools, { shards, stakes, removed: [], seed: seedOf(`strata ${epoch}`) }, rules)
      const held = pools.pools[0]?.seats.filter(({ owner }) => bad.has(toHex(owner))).length ?? 0
      sum += held
      squares += held * held
    }
    const mean = sum / EPOCHS
    expect(mean).toBeCloseTo(2, 1)
    // n (K/N) (1 - K/N) (N - n)/(N - 1): strata spread bad mandates more evenly than the law, never less.
    expect(squares / EPOCHS - mean * mean).toBeLessThan((8 * 0.25 * 0.75 * 16) / 23)
  })

  test('mandates beyond the seats are left out by chance, not by place', () => {
    const rules: DealingRules = { poolSeats: 4, mandates: 8, ownerMax: 1 }
    const stakes = equalStakes(11)
    const without = new Map(stakes.map(({ owner }) => [toHex(owner), 0]))
    for (let i = 0; i < 20_000; i++) {
      const election = { shards: shardsOf(2), stakes, removed: [], seed: seedOf(`left ${i}`) }
      const seated = new Set(
        dealPools(noPools(0), election, rules).pools.flatMap(({ seats }) => seats.map(({ owner }) => toHex(owner))),
      )
      for (const { owner } of stakes)
        if (!seated.has(toHex(owner))) without.set(toHex(owner), (without.get(toHex(owner)) ?? 0) + 1)
    }
    const counts = [...without.values()]
    expect(counts.reduce((sum, each) => sum + each, 0)).toBe(60_000)
    const statistic = counts.reduce((sum, each) => sum + (each - 60_000 / 11) ** 2 / (60_000 / 11), 0) * (10 / 8)
    expect(Math.abs(statistic - 10) / Math.sqrt(20)).toBeLessThan(5)
  })
})

describe('grinding', () => {
  const rules: DealingRules = { poolSeats: 16, mandates: 32, ownerMax: 4 }
  const shards = shardsOf(2)
  const others = equalStakes(31)
  /** Seats in the first pool's committee that an attacker of one mandate gets under an id. */
  const seatsUnder = (name: string, seed: Uint8Array): number => {
    const owner = ownerOf(name)
    const stakes = stakeList([...others, { owner, stakeMotes: 1_000n }])
    const { pools } = dealPools(noPools(0), { shards, stakes, removed: [], seed }, rules)
    const committee = drawWitnesses(pools[0] as Pools['pools'][number], 4, seed)
    return committee.find((witness) => toHex(witness.owner) === toHex(owner))?.weight ?? 0
  }

  test('an id chosen before the seed is known gains nothing; one chosen after would gain everything', () => {
    const fair = 4 / 32
    let frozen = 0
    let ground = 0
    const ROUNDS = 1_500
    for (let round = 0; round < ROUNDS; round++) {
      const seed = seedOf(`grinding ${round}`)
      // Best of eight ids against a seed that is not this one: all that the freeze leaves to try.
      const tries = Array.from({ length: 8 }, (_, i) => `try ${i}`)
      const best = tries.find((name) => seatsUnder(name, seedOf(`before ${round}`)) > 0) ?? 'try 0'
      frozen += seatsUnder(best, seed)
      if (tries.some((name) => seatsUnder(name, seed) > 0)) ground++
    }
    const deviation = Math.sqrt((fair * (1 - fair)) / ROUNDS)
    expect(Math.abs(frozen / ROUNDS - fair)).toBeLessThan(4 * deviation)
    // What the rule prevents: 1 - (7/8)^8 is about two thirds.
    expect(ground / ROUNDS).toBeGreaterThan(0.5)
  })
})

describe('leaving where the deal does not suit, to be dealt again', () => {
  const rules: DealingRules = { poolSeats: 16, mandates: 64, ownerMax: 1 }
  const shards = shardsOf(4)
  // A third of them has no seat at a time, so that there are enough to fill all seats without those who left.
  const stakes = equalStakes(96)
  const bad = new Set(stakes.filter((_, i) => i % 4 === 0).map(({ owner }) => toHex(owner)))
  const EPOCHS = 400

  /** Bad seats of the first pool, on average, if those who sit elsewhere withdraw in every epoch and come back in the next. */
  function sitTogether(seats: 'kept until they end' | 'freed at once'): number {
    let pools = noPools(0)
    let held = 0
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      const left = pools.pools
        .slice(1)
        .flatMap((pool) => pool.seats.filter(({ owner, endsAt }) => bad.has(toHex(owner)) && endsAt > epoch))
        .map(({ owner }) => owner)
      const names = new Set(left.map(toHex))
      const seed = seedOf(`leave ${epoch}`)
      const election =
        seats === 'freed at once'
          ? { shards, stakes, removed: left, seed }
          : { shards, stakes: stakes.filter(({ owner }) => !names.has(toHex(owner))), removed: [], seed }
      pools = dealPools(pools, election, rules)
      held += pools.pools[0]?.seats.filter(({ owner }) => bad.has(toHex(owner))).length ?? 0
    }
    return held / EPOCHS
  }

  test('gains nothing, as seats last until they end; were they freed at once, it would gain', () => {
    // A quarter of 16.
    expect(sitTogether('kept until they end')).toBeCloseTo(4, 0)
    expect(sitTogether('freed at once')).toBeGreaterThan(5)
  })

  test('owners that withdraw and come back are dealt no seat sooner than those who stay', () => {
    let pools = dealPools(noPools(0), { shards, stakes, removed: [], seed: seedOf('stay') }, rules)
    const leaver = pools.pools[0]?.seats.find(({ endsAt }) => endsAt === 4) as Seat
    const others = stakes.filter(({ owner }) => owner !== leaver.owner)
    for (const list of [others, stakes, stakes]) {
      pools = dealPools(pools, { shards, stakes: list, removed: [], seed: seedOf(pools.epoch) }, rules)
      const seats = pools.pools.map((pool) => pool.seats.filter(({ owner }) => owner === leaver.owner))
      expect(seats).toEqual([[leaver], [], [], []])
    }
  })
})

describe('witnesses', () => {
  const term = { shard: wholeShard(1), epoch: 3, term: 4, redraw: 0, entropy: seedOf('entropy') }
  const stakes = equalStakes(16)
  const election = { shards: shardsOf(1), stakes, removed: [], seed: seedOf('pool') }
  const [pool] = dealPools(noPools(3), election, { poolSeats: 48, mandates: 48, ownerMax: 3 }).pools as [
    Pools['pools'][number],
  ]

  test('hold as much weight as seats, in order of owners', () => {
    const committee = drawWitnesses(pool, 12, termSeed(domain, term))
    expect(committee.reduce((sum, { weight }) => sum + weight, 0)).toBe(12)
    expect(committee.map(({ owner }) => toHex(owner))).toEqual(committee.map(({ owner }) => toHex(owner)).toSorted())
    expect(drawWitnesses(pool, 12, termSeed(domain, term))).toEqual(committee)
    expect(asWitnesses(pool.seats)).toEqual(stakes.map(({ owner }) => ({ owner, weight: 3 })))
  })

  test('each field of a term makes another committee', () => {
    const terms = [
      term,
      { ...term, epoch: 4 },
      { ...term, term: 5 },
      { ...term, redraw: 1 },
      { ...term, shard: wholeShard(2) },
    ]
    const seeds = [...terms, { ...term, entropy: seedOf('other') }].map((each) => toHex(termSeed(domain, each)))
    expect(new Set(seeds).size).toBe(6)
  })

  test('no more than the pool has', () => {
    for (const seats of [0, 49, 1.5])
      expect(() => drawWitnesses(pool, seats, seedOf(0))).toThrow(expect.objectContaining({ code: 'ARM_ELECTION' }))
  })
})
