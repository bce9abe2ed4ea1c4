import { equalBytes } from '@armchain/core'
import type { Committee } from '../committee.ts'
import { type Elector, weightedElector } from '../elector.ts'
import { DEFAULT_TIMING, type EngineConfig, type EngineEffect, type Timing } from '../engine.ts'
import type { Statements, VoteKind } from '../statement.ts'
import { statementsOf } from '../statement.ts'
import { type Block, BlockIndex } from './blocks.ts'
import type { Vote, VoteCertificate } from './messages.ts'

/** All that an engine knows. Modules of this folder are the rules that read and change it. */
export type State = {
  readonly config: EngineConfig
  readonly committee: Committee
  readonly elector: Elector
  readonly timing: Timing
  readonly statements: Statements
  /** Own seat; -1 for an observer. */
  readonly self: number
  nowMs: number
  /** What `nowMs` is ahead of the shell's clock, since that was put back. */
  aheadMs: number
  effects: EngineEffect[]

  /** The current view; 0 before the start. */
  view: number
  /** The highest view that certificates allow to enter. */
  enterable: number
  readonly rounds: Map<number, Round>
  /** No vote is cast in views up to this one: records of them may have been lost. */
  observeThrough: number
  /** The last peer that this observer asked of its own accord. */
  askedPeer: number

  /** The highest view known to be final, and the certificate that says so; none at the epoch's start. */
  floor: { readonly view: number; readonly link: Uint8Array; readonly certificate: VoteCertificate | undefined }
  /** The last block that is final with all its ancestors at hand. */
  committed: Committed
  readonly blocks: BlockIndex
  /** Blocks that are not final, or not yet. */
  readonly pending: Set<Block>
  /** Final blocks that are kept to answer who is behind, oldest first. */
  recent: Block[]
  recentBytes: number
  committedSinceCheckpoint: number
  /** The epoch's last block is final: this engine only answers. */
  ended: boolean
  /** Two certificates contradict each other: this engine does nothing more. */
  halted: boolean

  /** What the shell was asked to propose and has not answered. */
  proposing:
    | { readonly view: number; readonly parentView: number; readonly parentLink: Uint8Array; readonly height: number }
    | undefined
  /** There is work that no block has taken up. */
  work: boolean
  /** A block was asked for, and none has been made since. */
  seal: boolean
  /** When the last block was seen to be notarised. */
  lastBlockMs: number
  enteredMs: number
  readonly deadlines: Deadlines
  /** When each seat was last heard. */
  readonly heardMs: number[]
  requests: Request[]
  /** The shell is not asked to fetch again before. */
  fetchMs: number
  readonly peers: Map<number, PeerAccount>
}

export type Committed = {
  readonly height: number
  readonly headHash: Uint8Array
  /** Absent at the epoch's start. */
  readonly certificate: Uint8Array | undefined
  /** The last view known to have decided it. */
  readonly view: number
  /** Links under which blocks may stand on it: more than one if it was proposed in several views. */
  readonly links: Uint8Array[]
}

export type Deadlines = {
  /** No proposal until then: nullify. */
  leaderMs: number
  /** No notarization until then: nullify. */
  advanceMs: number
  /** Say again what may have been lost. */
  retryMs: number
  /** When the shell was last told to wake the engine; infinite once it did. */
  timerMs: number
}

export type Round = {
  readonly view: number
  readonly leader: number
  /** The first proposal of the leader. */
  proposal: { readonly block: Block; readonly parentView: number; readonly repeats: boolean } | undefined
  verdict: 'none' | 'asked' | 'valid' | 'invalid'
  /** Nullify when the rules allow: the leader failed, or gave up. */
  giveUp: boolean
  notarization: VoteCertificate | undefined
  nullification: VoteCertificate | undefined
  certified: 'none' | 'asked' | 'yes' | 'no'
  readonly votes: { readonly [Kind in VoteKind]: Tally }
  readonly mine: { notarize: Uint8Array | undefined; nullify: boolean; finalize: Uint8Array | undefined }
  /** The leader was seen to sign two blocks. */
  equivocated: boolean
  /** Signer and kind of evidence that was reported. */
  readonly reported: Set<number>
}

/** Votes of one kind and view: the first of each signer. */
export type Tally = {
  readonly bySigner: (Vote | undefined)[]
  readonly links: { readonly link: Uint8Array | undefined; weight: number }[]
}

/** What a peer has cost since `sinceMs`, and when it was last helped: see `peers.ts`. */
export type PeerAccount = { sinceMs: number; sizeBytes: number; faults: number; helpedMs: number }

export type Request = {
  readonly what: { readonly view: number } | { readonly link: Uint8Array }
  readonly firstPeer: number
  tries: number
  askedMs: number
}

export function createState(config: EngineConfig): State {
  const { committee, epoch, timing = DEFAULT_TIMING, elector = weightedElector(committee, epoch.seed) } = config
  return {
    config,
    committee,
    elector,
    timing,
    statements: statementsOf({ ...config, epoch: epoch.number }),
    self: config.self?.index ?? -1,
    nowMs: 0,
    aheadMs: 0,
    effects: [],
    view: 0,
    enterable: 1,
    rounds: new Map(),
    observeThrough: 0,
    askedPeer: 0,
    floor: { view: 0, link: epoch.startHash, certificate: undefined },
    committed: {
      height: epoch.startHeight,
      headHash: epoch.startHash,
      certificate: undefined,
      view: 0,
      links: [epoch.startHash],
    },
    blocks: new BlockIndex(),
    pending: new Set(),
    recent: [],
    recentBytes: 0,
    committedSinceCheckpoint: 0,
    ended: false,
    halted: false,
    proposing: undefined,
    work: false,
    seal: false,
    lastBlockMs: 0,
    enteredMs: 0,
    deadlines: { leaderMs: Infinity, advanceMs: Infinity, retryMs: Infinity, timerMs: Infinity },
    heardMs: committee.seats.map(() => 0),
    requests: [],
    fetchMs: 0,
    peers: new Map(),
  }
}

/** The round of a view, made when it is first needed. Callers admit views: see `admits`. */
export function roundOf(state: State, view: number): Round {
  const known = state.rounds.get(view)
  if (known !== undefined) return known
  const round: Round = {
    view,
    leader: state.elector.leader(view),
    proposal: undefined,
    verdict: 'none',
    giveUp: false,
    notarization: undefined,
    nullification: undefined,
    certified: 'none',
    votes: { 1: createTally(), 2: createTally(), 3: createTally() },
    mine: { notarize: undefined, nullify: false, finalize: undefined },
    equivocated: false,
    reported: new Set(),
  }
  state.rounds.set(view, round)
  return round
}

function createTally(): Tally {
  return { bySigner: [], links: [] }
}

/** Whether this engine casts votes in a view at all. */
export function mayVote(state: State, view: number): boolean {
  return state.self >= 0 && view > state.observeThrough && !state.ended && !state.halted
}

/** The block that a round's notarization is for, if it is at hand. */
export function notarisedBlock(state: State, { notarization }: Round): Block | undefined {
  return notarization?.link === undefined ? undefined : state.blocks.get(notarization.link)
}

/** A block is, or is a repetition of, the last committed one. */
export function isCommitted({ committed }: State, block: Pick<Block, 'height' | 'headHash'>): boolean {
  return block.height === committed.height && equalBytes(block.headHash, committed.headHash)
}

/** The time that messages are given in the current view: more with each view since something became final. */
export function deltaMs({ timing, view, floor }: State): number {
  // Two views are under way when all is well.
  let grown = timing.deltaMs
  for (let i = floor.view + 2; i < view && grown < timing.deltaMaxMs; i++) grown = Math.ceil((grown * 6) / 5)
  return Math.min(grown, timing.deltaMaxMs)
}
