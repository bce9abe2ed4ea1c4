import type { Forgery } from '../../block-forgeries.ts'
import { isByzantine, type Scenario, type Trick } from '../../scenario.ts'
import type { PlantedBug } from './engine-bugs.ts'
import type { Patch } from './plant.ts'

const at = (file: string, find: string, replace: string): Patch => ({
  file: `packages/shard/src/${file}`,
  find,
  replace,
})

const bug = (
  name: string,
  what: string,
  patches: readonly Patch[],
  parts: Partial<Pick<PlantedBug, 'bend' | 'firstSeed'>> = {},
): PlantedBug => ({
  name,
  what,
  engine: 'simplex',
  whole: true,
  patches,
  nodes: 4,
  firstSeed: 1,
  seedsMax: 60,
  ...parts,
})

/** The only adversary, of no more weight than the others, plays these tricks and forges blocks of these kinds. */
const playing =
  (tricks: readonly Trick[], forgeries: readonly Forgery[] = []) =>
  ({ weights: _, ...scenario }: Scenario): Scenario => ({
    ...scenario,
    faults: [
      ...scenario.faults.filter((fault) => !isByzantine(fault) && !DAMAGE.has(fault.type)),
      { type: 'mutator', node: scenario.seed % scenario.nodes, tricks, forgeries },
    ],
  })

const forging = (...forgeries: readonly Forgery[]) => playing(['bad-payload'], forgeries)

/** Counted against the same budget as adversaries. */
const DAMAGE: ReadonlySet<string> = new Set(['lost-sync', 'rot', 'misdirect'])

/** Blocks follow each other without a pause: many are built while the one below is not final yet. */
const hurried = (scenario: Scenario): Scenario => ({ ...scenario, blockMs: 0, link: { minMs: 60, maxMs: 180 } })

/** Long enough for checkpoints, and then everyone starts again, more than once. */
const restarting = (scenario: Scenario): Scenario => ({
  ...scenario,
  blockMs: 0,
  link: { minMs: 20, maxMs: 80 },
  sync: { minMs: 1, maxMs: 10 },
  gstMs: 10_000,
  endMs: 18_000,
  ops: scenario.ops.filter(({ atMs }) => atMs < 10_000),
  faults: [
    ...scenario.faults.filter(({ type }) => type === 'twins' || type === 'mutator'),
    ...[7_500, 8_500, 9_500].map((atMs) => ({ type: 'blackout', atMs, downMs: 200, keep: 'subset' }) as const),
  ],
})

/** Bugs of whole nodes under a committee: between shards, speculation and final blocks, and against forged blocks. */
export const WHOLE_BUGS: readonly PlantedBug[] = [
  bug('executed-too-early', 'a final block is executed before the main-shard block that it has seen', [
    at(
      'chain-machine.ts',
      "read.value.details.mainHeight > this.main.chain.tip.height) return 'waits'",
      'read.value.details.mainHeight < 0) return read',
    ),
  ]),
  bug(
    'awaited-outbox-dropped',
    'the messages of a block that is anchored before it is known here are dropped',
    [at('mailbox.ts', '      else this.#awaited.set(key, { source: shard, height, anchorHeight, place })\n', '')],
    { firstSeed: 5 },
  ),
  bug(
    'anchored-on-speculation',
    'heads that a block which is not final anchors are anchored again on top of it',
    [
      at(
        'chain-machine.ts',
        'this.#anchorQueue.next(height, (shard) => this.#anchoredAt(shard))',
        'this.#anchorQueue.next(height, () => 0)',
      ),
    ],
    { bend: hurried, firstSeed: 9 },
  ),
  bug(
    'signatures-unchecked',
    'transactions that this node has not seen are taken to be signed',
    [at('judge.ts', "question.signatures = unknown.length > 0 ? 'asked' : 'valid'", "question.signatures = 'valid'")],
    { bend: forging('unsigned') },
  ),
  bug(
    'candidates-kept',
    'executed blocks that can never be final are kept',
    [
      at(
        'candidates.ts',
        '      if (base === undefined) this.#blocks.delete(candidate.name)\n',
        '      if (base === undefined) candidate.writes = candidate.writes\n',
      ),
      at('candidates.ts', '    this.#blocks.delete(candidate.name)\n    for (const each', '    for (const each'),
    ],
    { firstSeed: 52 },
  ),
  bug(
    'sync-unchecked',
    'block sync takes a block without its certificate',
    [
      at(
        'chain-machine.ts',
        '      if (!certified.ok) return certified\n',
        '      if (!certified.ok && head.height < 0) return certified\n',
      ),
    ],
    { bend: playing(['equivocate', 'bend-blocks', 'withhold']) },
  ),
  bug(
    'logs-mixed',
    "a checkpoint of one shard's records replaces those of another",
    [
      at(
        'chain-machine.ts',
        '        effects.push({ ...effect, shard })\n',
        "        effects.push({ ...effect, shard: effect.type === 'checkpoint' ? 0 : shard })\n",
      ),
    ],
    { bend: restarting },
  ),
  bug(
    'work-before-start',
    "what comes of the start of one shard's engine reaches others before theirs",
    [
      at(
        'chain-machine.ts',
        '    this.#run(nowMs, effects, (queue) => {\n      for (const hosted of this.shards) {\n        const { height, hash: tipHash',
        '    for (const hosted of this.shards) this.#run(nowMs, effects, (queue) => {\n      {\n        const { height, hash: tipHash',
      ),
    ],
    { bend: restarting, firstSeed: 26 },
  ),
  bug(
    'main-height-falls',
    'a block may have seen less of the main shard than its parent',
    [
      at(
        'chain.ts',
        'if (details.mainHeight < (readKernelState(this.state)?.mainHeight ?? 0))',
        'if (details.mainHeight < 0 && readKernelState(this.state) === undefined)',
      ),
    ],
    { bend: forging('main-behind') },
  ),
  bug(
    'future-unchecked',
    'a block may be of a time that has not come',
    [at('chain.ts', '  if (head.timeMs > latestTimeMs) return bad(', '  if (latestTimeMs < 0) return bad(')],
    { bend: forging('future'), firstSeed: 18 },
  ),
  bug(
    'state-unchecked',
    'the head of a block is not compared with what executing it gives',
    [
      at(
        'chain.ts',
        '    if (equalBytes(built.block.head, block.head)) return { ok: true, value: built }\n',
        '    if (built.height === head.height) return { ok: true, value: built }\n',
      ),
    ],
    { bend: forging('state-root', 'minted', 'field') },
  ),
  bug(
    'anchor-certificate-unchecked',
    'a head is anchored without its certificate',
    [at('anchors.ts', '    if (!certified.ok) return certified\n', '')],
    { bend: forging('anchor-bent') },
  ),
  bug(
    'import-order-unchecked',
    'messages may be imported again, or some passed over',
    [at('imports.ts', 'if (batch.value.firstSeq + item.start !== next) {', 'if (next < 0) {')],
    { bend: forging('import-twice', 'import-skipped') },
  ),
]
