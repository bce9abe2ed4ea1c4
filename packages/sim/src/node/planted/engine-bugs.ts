import { type EngineFactory, weightedElector } from '@armchain/consensus'
import { type Fault, type Scenario, untrusted } from '../../scenario.ts'
import type { Patch } from './plant.ts'

/** A bug on purpose: what the simulator has to find, and within how much. */
export type PlantedBug = {
  readonly name: string
  /** What is wrong, for the table in docs/simulation.md. */
  readonly what: string
  /** `solo`: whole nodes, and the bug is in the shard package. */
  readonly engine: 'simplex' | 'poa' | 'solo'
  /** Whole nodes under a committee: the bug is in the shard package too. */
  readonly whole?: true
  readonly patches?: readonly Patch[]
  /** Wrong from outside: what the engine is given, or what becomes of what it says. */
  readonly wrap?: (factory: EngineFactory) => EngineFactory
  /** Bends scenarios towards where the bug can show; it must pass without the bug. */
  readonly bend?: (scenario: Scenario) => Scenario
  readonly nodes: number
  /** Where the test begins, so that it is short: the full hunt begins at 1. */
  readonly firstSeed: number
  /** Seeds within which it is found. */
  readonly seedsMax: number
}

export const at = (file: string, find: string, replace: string): Patch => ({
  file: `packages/consensus/src/${file}`,
  find,
  replace,
})

const bug = (
  name: string,
  what: string,
  parts: Partial<Pick<PlantedBug, 'patches' | 'wrap' | 'bend' | 'engine' | 'nodes' | 'firstSeed' | 'seedsMax'>>,
): PlantedBug => ({ name, what, engine: 'simplex', nodes: 4, firstSeed: 1, seedsMax: 100, ...parts })

/** The checks that guard the engine's own promises would turn the bug into a crash: they are taken out too. */
export const noInvariants: readonly Patch[] = [
  at(
    'simplex/votes.ts',
    "invariant(mine.notarize === undefined && !mine.nullify, 'a second notarize, or one after nullify')",
    '',
  ),
  at('simplex/votes.ts', "invariant(mine.finalize === undefined && !mine.nullify, 'nullify after finalize')", ''),
  at('simplex/votes.ts', "invariant(mine.finalize === undefined && !mine.nullify, 'finalize after nullify')", ''),
]

export const ENGINE_BUGS: readonly PlantedBug[] = [
  bug('quorum-off-by-one', 'a quorum is one seat short', {
    patches: [
      at(
        'simplex/votes.ts',
        'const { quorumWeight } = state.committee',
        'const quorumWeight = state.committee.quorumWeight - 1',
      ),
      at(
        'simplex/certificates.ts',
        'signed.weight < committee.quorumWeight',
        'signed.weight < committee.quorumWeight - 1',
      ),
    ],
  }),
  bug('quorum-unchecked', 'a certificate of any weight is taken', {
    firstSeed: 9,
    patches: [
      at(
        'simplex/certificates.ts',
        'signed === undefined || signed.weight < committee.quorumWeight',
        'signed === undefined',
      ),
    ],
  }),
  bug('proof-unchecked', 'signatures of certificates are not checked', {
    patches: [
      at(
        'simplex/certificates.ts',
        'return committee.scheme.verifyProof(keys, statements(kind, view, link), proof)',
        'return keys.length > 0',
      ),
    ],
  }),
  bug('vote-signature-unchecked', 'signatures of votes are not checked, nor who sends them', {
    patches: [
      at(
        'simplex/votes.ts',
        '!state.committee.scheme.verifyVote(key, state.statements(kind, view, vote.link), vote.signature)',
        'key.length === 0',
      ),
      at(
        'simplex/votes.ts',
        'signer !== from || signer >= state.committee.seats.length',
        'signer >= state.committee.seats.length',
      ),
    ],
  }),
  bug('duplicate-signer', 'a vote that is said twice counts twice', {
    patches: [
      at('simplex/votes.ts', 'if (known !== undefined && !contradict(known, vote)) return false', ''),
      at(
        'simplex/votes.ts',
        '  if (known !== undefined) {\n    report(state, round, known, vote)',
        '  if (known !== undefined && contradict(known, vote)) {\n    report(state, round, known, vote)',
      ),
      at('simplex/votes.ts', 'if (bySigner[signer] !== undefined) return false', ''),
    ],
  }),
  bug('weight-ignored', 'seats are counted instead of weight', {
    wrap: (factory) => (config) => {
      const seats = config.committee.seats.map((seat) => ({ ...seat, weight: 1 }))
      const quorumWeight = Math.floor((2 * seats.length) / 3) + 1
      const committee = { ...config.committee, seats, totalWeight: seats.length, quorumWeight }
      return factory({ ...config, committee, elector: weightedElector(config.committee, config.epoch.seed) })
    },
    bend: (scenario) => ({ ...scenario, weights: [4, 1, 1, 1] }),
  }),
  bug('skip-proof-missing', 'a proposal may skip views that nobody nullified', {
    firstSeed: 22,
    patches: [
      at('simplex/proposals.ts', 'if (skipped !== undefined) {', 'if (skipped !== undefined && skipped.from < 0) {'),
    ],
  }),
  bug('leader-unchecked', 'anyone may propose', {
    firstSeed: 14,
    patches: [at('simplex/proposals.ts', 'if (from !== state.elector.leader(view)) {', 'if (from < 0) {')],
  }),
  bug('verify-ignored', 'a block that the application refuses is voted for', {
    firstSeed: 14,
    patches: [
      at(
        'simplex/proposals.ts',
        "round.verdict = valid ? 'valid' : 'invalid'",
        "round.verdict = valid ? 'valid' : 'valid'",
      ),
    ],
  }),
  bug('certify-ignored', 'a block that must not be certified is built on', {
    firstSeed: 14,
    patches: [
      at(
        'simplex/certify.ts',
        "settle(state, round, valid ? 'yes' : 'no')",
        "settle(state, round, valid ? 'yes' : 'yes')",
      ),
    ],
  }),
  bug('parent-unchecked', 'a proposal may stand on another block than the one it names', {
    firstSeed: 22,
    patches: [
      at(
        'simplex/proposals.ts',
        "if (!(repeats ? isRepetition(block, parent) : isChild(block, parent))) return 'wrong'",
        '',
      ),
    ],
  }),
  bug('two-notarize', 'a second proposal in a view gets a vote too', {
    patches: [
      ...noInvariants,
      at(
        'simplex/proposals.ts',
        'if (view < state.view || round.proposal !== undefined || round.giveUp) return counted',
        'if (view < state.view) return counted',
      ),
      at(
        'simplex/proposals.ts',
        'if (known === undefined || !equalBytes(known.link as Uint8Array, link)) return counted',
        '',
      ),
      at(
        'simplex/proposals.ts',
        "if (round.mine.nullify || round.mine.notarize !== undefined || round.verdict === 'asked') return false",
        "if (round.mine.nullify || (round.mine.notarize !== undefined && equalBytes(round.mine.notarize, round.proposal.block.link)) || round.verdict === 'asked') return false",
      ),
      at(
        'simplex/proposals.ts',
        'round.proposal = { block, parentView, repeats: payload === undefined }',
        "round.proposal = { block, parentView, repeats: payload === undefined }; round.verdict = 'none'",
      ),
    ],
  }),
  bug('finalize-after-nullify', 'a nullified view is finalised all the same', {
    patches: [
      ...noInvariants,
      at(
        'simplex/certify.ts',
        '!mayVote(state, view) || mine.nullify || mine.finalize',
        '!mayVote(state, view) || mine.finalize',
      ),
    ],
  }),
  bug('nullify-after-finalize', 'who gives a view up nullifies the one before as well, final vote or not', {
    patches: [
      ...noInvariants,
      at(
        'simplex/views.ts',
        '  castVote(state, roundOf(state, view), { kind: NULLIFY, link: undefined })\n',
        `  castVote(state, roundOf(state, view), { kind: NULLIFY, link: undefined })
  const before = state.rounds.get(view - 1)
  if (before !== undefined && !before.mine.nullify) castVote(state, before, { kind: NULLIFY, link: undefined })
`,
      ),
    ],
  }),
  bug('finalize-before-notarization', 'a vote to finalise goes out with the vote to notarise', {
    patches: [
      at(
        'simplex/proposals.ts',
        '  castVote(state, round, { kind: NOTARIZE, link: block.link })\n',
        '  castVote(state, round, { kind: NOTARIZE, link: block.link })\n  if (round.mine.finalize === undefined) castVote(state, round, { kind: 3, link: block.link })\n',
      ),
    ],
  }),
  bug('vote-before-sync', 'a vote is sent before it is durable', {
    firstSeed: 39,
    patches: [
      at('simplex/votes.ts', '  appendVote(state, { kind, view, link })\n', ''),
      at('simplex/votes.ts', '  sendIt(vote)\n', '  sendIt(vote)\n  appendVote(state, { kind, view, link })\n'),
    ],
  }),
  bug('vote-not-persisted', 'votes are not written down', {
    patches: [at('simplex/votes.ts', '  appendVote(state, { kind, view, link })\n', '')],
  }),
  bug('vote-not-restored', 'votes are written down and not read again', {
    patches: [at('simplex/recovery.ts', '      restoreVote(state, record)\n', '')],
  }),
  bug('certificate-not-persisted', 'certificates are not written down', {
    patches: [at('simplex/certificates.ts', '  appendCertificate(state, certificate)\n', '')],
  }),
  bug('payload-not-persisted', 'blocks are voted for before they are written down', {
    patches: [
      at('simplex/effects.ts', '  if (block.stored) return\n', '  if (block.stored || state.self >= 0) return\n'),
    ],
  }),
  bug('checkpoint-forgets-votes', 'a checkpoint leaves out the votes above the last final block', {
    firstSeed: 14,
    patches: [
      at(
        'simplex/finality.ts',
        "if (mine.notarize !== undefined) records.push({ type: 'vote', kind: NOTARIZE, view, link: mine.notarize })",
        '',
      ),
      at(
        'simplex/finality.ts',
        "if (mine.nullify) records.push({ type: 'vote', kind: NULLIFY, view, link: undefined })",
        '',
      ),
      at(
        'simplex/finality.ts',
        "if (mine.finalize !== undefined) records.push({ type: 'vote', kind: FINALIZE, view, link: mine.finalize })",
        '',
      ),
      at('limits.ts', 'CHECKPOINT_BLOCKS: number = 64', 'CHECKPOINT_BLOCKS: number = 2'),
    ],
  }),
  bug('amnesia-ignored', 'who has lost its log goes on voting', {
    patches: [
      at('simplex/recovery.ts', 'if (amnesia !== undefined) {', 'if (amnesia !== undefined && state.self < 0) {'),
    ],
    bend: rotten,
  }),
  bug('foreign-epoch', 'votes of one epoch hold in the next', {
    patches: [
      at(
        'statement.ts',
        'const place = concatBytes(shardKeyCodec.encode(shard), u64(epoch))',
        'const place = concatBytes(shardKeyCodec.encode(shard), u64(epoch * 0))',
      ),
      at(
        'simplex/simplex.ts',
        'if (message.epoch !== state.config.epoch.number || from === state.self) return false',
        'if (from === state.self) return false',
      ),
    ],
    bend: (scenario) => ({ ...scenario, epochBlocks: 8 }),
  }),
  bug('evidence-suppressed', 'a seat that signs two ways is not reported', {
    firstSeed: 13,
    patches: [at('simplex/votes.ts', "state.effects.push({ type: 'evidence', bytes: encodeEvidence(a, [a, b]) })", '')],
  }),
  bug('delta-never-grows', 'the bound on delay stays at its first guess', {
    patches: [at('simplex/state.ts', 'grown = Math.ceil((grown * 6) / 5)', 'grown += 0')],
    bend: (scenario) => ({ ...scenario, deltaMs: 25, link: { minMs: 60, maxMs: 180 } }),
  }),
  bug('nothing-said-again', 'what was lost is never said again', {
    patches: [
      at(
        'simplex/views.ts',
        'if (nowMs < deadlines.retryMs || state.ended) return',
        'if (nowMs < deadlines.retryMs || view > 0) return',
      ),
    ],
  }),
  bug('never-gives-up', 'a leader that is silent is waited for', {
    patches: [at('simplex/views.ts', 'if (!late && !round?.giveUp) return false', 'if (!round?.giveUp) return false')],
  }),
  bug('last-block-not-repeated', 'the last block of an epoch is built upon', {
    firstSeed: 17,
    patches: [at('simplex/propose.ts', 'return height === config.epoch.endHeight || ', 'return ')],
    bend: (scenario) => ({ ...scenario, epochBlocks: 8 }),
  }),
  bug('fetched-payload-unchecked', 'a block that is sent on request may have another payload than its head', {
    patches: [
      at('simplex/answers.ts', 'if (!state.config.commits(block.head, block.payload)) {', 'if (block.height < 0) {'),
    ],
  }),
  bug('poa-half-decides', 'half of the weight decides, not more than half', {
    engine: 'poa',
    patches: [
      at(
        'simplex/votes.ts',
        'const { quorumWeight } = state.committee',
        'const quorumWeight = state.committee.quorumWeight - 1',
      ),
      at(
        'simplex/certificates.ts',
        'signed.weight < committee.quorumWeight',
        'signed.weight < committee.quorumWeight - 1',
      ),
    ],
  }),
]

/** A log that decays, with the guard file, just before its owner starts again: the only damage there is. */
function rotten(scenario: Scenario): Scenario {
  const spared = untrusted(scenario)
  const others = scenario.faults.filter((fault) => !('node' in fault) || (fault.node !== 0 && !spared.has(fault.node)))
  const decays = [2_000, 5_000, 8_000].flatMap((atMs, i): Fault[] => [
    { type: 'rot', node: 0, atMs, part: 'log-and-guard', pick: 1_000 * i },
    { type: 'crash', node: 0, atMs: atMs + 1, downMs: 60, keep: 'all' },
  ])
  return { ...scenario, faults: [...others, ...decays] }
}
