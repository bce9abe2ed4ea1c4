import { DEFAULT_PEER_LIMITS } from '@armchain/consensus'
import { ATTACKS, type AttackName, type Fault, type Scenario } from './scenario.ts'

/** When an attack begins: the cluster has run well until then, which is what it is compared with. */
export const ATTACK_FROM_MS = 5_000
const ECLIPSE_MS = 15_000

type AttackCase = {
  readonly what: string
  readonly nodes: number
  readonly attackers: number
  /** Blocks of an epoch, where that matters. */
  readonly epochBlocks: number
  /** How long it lasts without anything else being wrong. */
  readonly forMs: number
}

const attack = (what: string, parts: Partial<AttackCase> = {}): AttackCase => ({
  what,
  nodes: 4,
  attackers: 1,
  epochBlocks: 0,
  forMs: 20_000,
  ...parts,
})

/** The named attacks. What each would do to an engine without its defence is shown by `node/planted/attack-bugs.ts`. */
export const ATTACK_CASES: Readonly<Record<AttackName, AttackCase>> = {
  'old-certificates': attack('certificates of views and epochs long past are sent as news, 200 a second', {
    epochBlocks: 20,
  }),
  'withheld-payload': attack('a leader shows its block to a bare quorum, answers nobody and says nothing else'),
  'nullify-flood': attack('500 nullify votes a second for views past, present and far ahead'),
  'split-certificate': attack('a notarization is shown to one, and to the others when they have nullified the view', {
    nodes: 7,
    attackers: 2,
  }),
  'wrong-epoch-votes': attack('every vote is said again as of the epochs around, signed for them or not', {
    epochBlocks: 20,
  }),
  'oversized-messages': attack('messages of 4 MB, five a second'),
  'finalize-and-nullify': attack('a seat votes to finalise each view and to nullify it'),
  'silent-leaders': attack('two of seven never propose, and vote as if nothing was the matter', {
    nodes: 7,
    attackers: 2,
  }),
  eclipse: attack('a node hears only the attacker for 15 seconds, which shows it a chain of its own'),
  flood: attack('10,000 messages a second: malformed, oversized, of other epochs, replayed', { forMs: 8_000 }),
}

/** The scenario of an attack: nothing else is wrong in it. The seed chooses who attacks, and all delays. */
export function attackScenario(name: AttackName, seed: number): Scenario {
  const { nodes, attackers, epochBlocks, forMs } = ATTACK_CASES[name]
  const seats = Array.from({ length: attackers }, (_, i) => (seed + 2 * i) % nodes)
  const gstMs = name === 'eclipse' ? ATTACK_FROM_MS + ECLIPSE_MS : ATTACK_FROM_MS
  const faults: Fault[] = seats.map((node) => ({ type: 'attack', node, attack: name, fromMs: ATTACK_FROM_MS }))
  const [by = 0] = seats
  if (name === 'eclipse')
    faults.push({ type: 'eclipse', fromMs: ATTACK_FROM_MS, untilMs: gstMs, node: (by + 1) % nodes, by })
  return {
    seed,
    engine: 'simplex',
    nodes,
    whole: false,
    crypto: 'fake',
    link: { minMs: 20, maxMs: 80 },
    sync: { minMs: 1, maxMs: 2 },
    deltaMs: 250,
    gstMs,
    endMs: gstMs + forMs,
    epochBlocks,
    blockMs: 250,
    appMs: 0,
    peerLimits: DEFAULT_PEER_LIMITS,
    faults,
    ops: [],
  }
}

export function isAttack(name: string): name is AttackName {
  return (ATTACKS as readonly string[]).includes(name)
}
