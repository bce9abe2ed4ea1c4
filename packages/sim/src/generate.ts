import { createRandom, mix, type Random } from './random.ts'
import {
  type Fault,
  type FaultModel,
  faultBudget,
  type Keep,
  type LinkProfile,
  type Op,
  type Scenario,
  SHELL_TRICKS,
  TRICKS,
  type Trick,
} from './scenario.ts'
import { WHOLE_USERS, WHOLE_VSHARDS } from './whole-chain.ts'

export type GenerateOptions = {
  readonly seed: number
  readonly engine: string
  readonly nodes: number
  readonly model: FaultModel
  readonly whole: boolean
  /** Seats that are Byzantine or forgetful beyond what the protocol tolerates: to show that it matters. */
  readonly extraTwins?: number
}

/** Ordinary delays: one machine room, one country, one continent, the world. All within the bound on delay. */
const LINKS: readonly LinkProfile[] = [
  { minMs: 1, maxMs: 5 },
  { minMs: 5, maxMs: 30 },
  { minMs: 20, maxMs: 80 },
  { minMs: 60, maxMs: 180 },
]
const DELTA_MS = 250
const KEEPS: readonly Keep[] = ['none', 'prefix', 'subset', 'all']
/** One seed in so many signs for real. */
const REAL_CRYPTO_EVERY = 100

/**
 * The scenario of a seed. Every number in it is drawn once, in a fixed order, so that a seed means the same for ever
 * under one version of this function. Swarm testing: each kind of fault is in only some of the scenarios, so that none
 * hides what another would show.
 */
export function generateScenario({ seed, engine, nodes, model, whole, extraTwins = 0 }: GenerateOptions): Scenario {
  const random = createRandom(mix(seed ^ 0x5ce7a210))
  const gstMs = random.between(10, 30) * 1_000
  const weights = nodes >= 4 && random.chance(0.25) ? drawWeights(random, nodes) : undefined
  const total = weights?.reduce((sum, weight) => sum + weight, 0) ?? nodes
  const doubted = drawDoubted(random, { nodes, weights, budget: faultBudget(total, model), extraTwins })
  const faults: Fault[] = [
    ...doubted.flatMap((node, i) =>
      i < extraTwins ? [{ type: 'twins', node } as const] : drawRole(random, { node, gstMs, model, whole }),
    ),
    ...drawNetworkFaults(random, nodes, gstMs),
    ...drawHostFaults(random, nodes, gstMs),
  ]
  const syncMs = random.pick([0, 0, 2, 10])
  const link = random.pick(LINKS)
  return {
    seed,
    engine,
    nodes,
    ...(weights && { weights }),
    whole,
    crypto: seed % REAL_CRYPTO_EVERY === 0 ? 'real' : 'fake',
    link,
    sync: { minMs: Math.min(1, syncMs), maxMs: syncMs },
    deltaMs: DELTA_MS,
    gstMs,
    endMs: gstMs + 60_000,
    epochBlocks: random.chance(0.4) && !whole ? random.between(8, 60) : 0,
    blockMs: random.chance(0.2) && link.minMs >= 20 && model !== 'alone' ? 0 : random.pick([250, 500, 1_000]),
    appMs: random.pick([0, 0, 0, 20]),
    faults,
    ops: whole ? drawTransfers(random, nodes, gstMs) : drawOps(random, nodes, gstMs),
  }
}

function drawWeights(random: Random, nodes: number): readonly number[] {
  return Array.from({ length: nodes }, () => random.between(1, 5))
}

/** Seats that the protocol must not need: together no heavier than its budget, but for the extra ones. */
function drawDoubted(
  random: Random,
  parts: {
    readonly nodes: number
    readonly weights: readonly number[] | undefined
    readonly budget: number
    readonly extraTwins: number
  },
): readonly number[] {
  const { nodes, weights, extraTwins } = parts
  const order = shuffled(random, nodes)
  if (extraTwins > 0) return order.slice(0, extraTwins)
  let left = random.chance(0.8) ? parts.budget : random.below(parts.budget + 1)
  return order.filter((seat) => {
    const weight = weights?.[seat] ?? 1
    if (weight > left) return false
    left -= weight
    return true
  })
}

function drawRole(
  random: Random,
  parts: { readonly node: number; readonly gstMs: number; readonly model: FaultModel; readonly whole: boolean },
): readonly Fault[] {
  const { node, gstMs, model, whole } = parts
  const atMs = random.below(gstMs - 2_000)
  const pick = random.below(1 << 16)
  const crash: Fault = {
    type: 'crash',
    node,
    atMs: atMs + random.between(100, 1_500),
    downMs: random.between(50, 400),
    keep: 'none',
  }
  // Where nodes only crash, nobody lies, and no disk forgets without a word.
  const draw = model === 'byzantine' ? random.below(20) : random.between(17, 19)
  if (draw < 6) return [{ type: 'twins', node }]
  const tricks: readonly Trick[] = whole ? [...TRICKS, ...SHELL_TRICKS] : TRICKS
  if (draw < 14) return [{ type: 'mutator', node, tricks: tricks.filter(() => random.chance(0.4)) }]
  if (draw < 15) return [{ type: 'silent', node }]
  if (draw < 17) return [{ type: 'lost-sync', node, atMs }, crash]
  if (draw < 19)
    return [{ type: 'rot', node, atMs, part: random.pick(['log', 'log-and-guard', 'blocks']), pick }, crash]
  return [{ type: 'misdirect', node, atMs, pick }, crash]
}

function drawNetworkFaults(random: Random, nodes: number, gstMs: number): readonly Fault[] {
  const faults: Fault[] = []
  const window = (): { fromMs: number; untilMs: number } => {
    const fromMs = random.below(gstMs)
    return { fromMs, untilMs: Math.min(gstMs, fromMs + random.between(500, 8_000)) }
  }
  if (random.chance(0.6)) faults.push({ type: 'loss', fromMs: 0, untilMs: gstMs, ratio: random.between(1, 30) / 100 })
  if (random.chance(0.4))
    faults.push({ type: 'duplicate', fromMs: 0, untilMs: gstMs, ratio: random.between(1, 40) / 100 })
  if (random.chance(0.6))
    faults.push({
      type: 'reorder',
      fromMs: 0,
      untilMs: gstMs,
      ratio: random.between(2, 30) / 100,
      maxMs: random.between(100, 2_000),
    })
  const partitions = random.chance(0.6) ? random.between(1, 5) : 0
  for (let i = 0; i < partitions && nodes > 1; i++) {
    const isolate = random.chance(0.4)
    const side = isolate ? [random.below(nodes)] : shuffled(random, nodes).slice(0, random.between(1, nodes - 1))
    faults.push({ type: 'partition', ...window(), side, cut: random.pick(['both', 'both', 'into', 'out-of']) })
  }
  const clogs = random.chance(0.4) ? random.between(1, 6) : 0
  for (let i = 0; i < clogs; i++)
    faults.push({ type: 'clog', ...window(), from: random.below(nodes), to: random.below(nodes) })
  return faults
}

function drawHostFaults(random: Random, nodes: number, gstMs: number): readonly Fault[] {
  const faults: Fault[] = []
  const at = (): number => random.between(50, gstMs - 1_000)
  const forMs = (atMs: number, mostMs: number): number => Math.min(gstMs - atMs - 1, random.between(20, mostMs))
  const crashes = random.chance(0.75) ? random.between(1, 4 + nodes) : 0
  for (let i = 0; i < crashes; i++) {
    const atMs = at()
    faults.push({
      type: 'crash',
      node: random.below(nodes),
      atMs,
      downMs: forMs(atMs, 4_000),
      keep: random.pick(KEEPS),
    })
  }
  const blackouts = random.chance(0.35) ? random.between(1, 3) : 0
  for (let i = 0; i < blackouts; i++) {
    const atMs = at()
    faults.push({ type: 'blackout', atMs, downMs: forMs(atMs, 1_000), keep: random.pick(KEEPS) })
  }
  const pauses = random.chance(0.4) ? random.between(1, 4) : 0
  for (let i = 0; i < pauses; i++) {
    const atMs = at()
    faults.push({ type: 'pause', node: random.below(nodes), atMs, forMs: forMs(atMs, 5_000) })
  }
  if (random.chance(0.3))
    for (let node = 0; node < nodes; node++)
      faults.push({ type: 'skew', node, offsetMs: random.between(0, 2_000), driftPpm: random.between(-200, 200) })
  if (random.chance(0.2)) {
    const atMs = at()
    faults.push({
      type: 'slow-disk',
      node: random.below(nodes),
      atMs,
      forMs: forMs(atMs, 8_000),
      syncMs: random.between(20, 500),
    })
  }
  if (random.chance(0.15)) {
    const atMs = at()
    faults.push({ type: 'disk-full', node: random.below(nodes), atMs, forMs: forMs(atMs, 3_000) })
  }
  return faults
}

function drawOps(random: Random, nodes: number, gstMs: number): readonly Op[] {
  return Array.from({ length: random.below(10) }, () => ({
    type: 'work',
    atMs: random.below(gstMs),
    node: random.below(nodes),
  }))
}

/** Transfers between vShards, most of which are welcome. */
function drawTransfers(random: Random, nodes: number, gstMs: number): readonly Op[] {
  return Array.from({ length: random.between(20, 120) }, () => {
    const from = random.between(1, WHOLE_VSHARDS)
    const fate = random.pick(['accept', 'accept', 'accept', 'refuse', 'gas', 'nowhere', 'expire'] as const)
    const to = random.between(0, WHOLE_VSHARDS)
    const motes = random.between(1, 1_000_000)
    const user = random.below(WHOLE_USERS)
    // A user's transactions go to one node, which knows the nonces of those that wait.
    const node = user % nodes
    return { type: 'transfer', atMs: random.below(gstMs), node, user, from, to, motes, fate }
  })
}

function shuffled(random: Random, count: number): number[] {
  const items = Array.from({ length: count }, (_, i) => i)
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1)
    const item = items[i] as number
    items[i] = items[j] as number
    items[j] = item
  }
  return items
}
