import { invariant } from '@armchain/core'
import type { ConsensusEngine, EngineConfig, EngineEffect, EngineInput } from '../engine.ts'
import { NULLIFY } from '../statement.ts'
import { answerBlocks, answerCertificates, help, takeBlocks } from './answers.ts'
import { takeCertificate } from './certificates.ts'
import { certifyNotarised, takeCertified } from './certify.ts'
import { commit, takeSynced } from './finality.ts'
import { decodeMessage, type Message } from './messages.ts'
import { blame, isMuted } from './peers.ts'
import { takeProposal, takeVerified, voteOnProposal } from './proposals.ts'
import { propose, takeProposed } from './propose.ts'
import { start } from './recovery.ts'
import { dropStaleRequests } from './requests.ts'
import { sizesOf } from './sizes.ts'
import { createState, type State } from './state.ts'
import { enterView, expectNotarization, giveUpView, retry, setDeadlines, setTimer, VIEW_TIMER } from './views.ts'
import { countVote } from './votes.ts'

/**
 * Weighted Simplex (Chan and Pass, "Simplex Consensus: A Simple and Fast Consensus Protocol", eprint 2023/463): a leader
 * proposes, the committee notarises and then finalises, or nullifies the view; final after three message delays.
 *
 * Rules: by number in the modules of this folder. 1 timers, 5 nullify, 6 entering a view: `views.ts`. 2 proposing:
 * `propose.ts`. 3 notarising: `proposals.ts`. 4 certifying and finalising: `certify.ts`, `finality.ts`. 7 whose votes are
 * counted: `votes.ts`, `certificates.ts`. What must not be forgotten: `records.ts`, `recovery.ts`. Catch-up:
 * `requests.ts`, `answers.ts`.
 *
 * Safe with less than a third of the weight faulty: a correct validator notarises one block a view, so that a view has at
 * most one notarised block; it never signs both `finalize` and `nullify` of one view, so that a view is not both final and
 * nullified; and it notarises only what cites, for each earlier view, its notarised block or its nullification, so that
 * whatever is notarised later stands on what is final.
 *
 * *Deviations* from the paper: weights for heads; views are not heights, and a nullified view makes no dummy block; the
 * shell certifies a notarised block before it is built on; statements are links (`statement.ts`); a block can be repeated
 * (`proposals.ts`); leaders that are silent are not waited for.
 */
export function createSimplexEngine(config: EngineConfig): ConsensusEngine {
  invariant(config.committee.seats.length > 0, 'a committee has seats')
  return createEngine('simplex', config)
}

/** The engine under another name; its committee says which faults it bears. */
export function createEngine(name: string, config: EngineConfig): ConsensusEngine {
  const state = createState(config)
  return {
    name,
    sizes: () => sizesOf(state),
    step(nowMs, input) {
      readClock(state, nowMs)
      state.effects = []
      if (!state.halted && take(state, input)) progress(state)
      if (!state.halted && state.view > 0) setTimer(state)
      return state.effects as readonly EngineEffect[]
    },
  }
}

const RULES: readonly ((state: State) => boolean)[] = [
  commit,
  certifyNotarised,
  enterView,
  giveUpView,
  voteOnProposal,
  propose,
]

/** Clocks may be put back. The engine's time stands still then, and goes on from there: all deadlines are in it. */
function readClock(state: State, clockMs: number): void {
  const backMs = state.nowMs - (clockMs + state.aheadMs)
  if (backMs > 0) {
    state.aheadMs += backMs
    // The shell's timer was set by the clock as it was.
    state.deadlines.timerMs = Infinity
  }
  state.nowMs = clockMs + state.aheadMs
}

/** Takes an input in; true if any rule may apply now that did not before. */
function take(state: State, input: EngineInput): boolean {
  switch (input.type) {
    case 'start':
      start(state, input)
      return true
    case 'message':
      return takeMessage(state, input.from, input.bytes)
    case 'timer':
      if (input.id !== VIEW_TIMER) return false
      state.deadlines.timerMs = Infinity
      dropStaleRequests(state)
      retry(state)
      return true
    case 'work':
    case 'seal':
      if (input.type === 'work') state.work = true
      else state.seal = true
      if (state.view > 0) setDeadlines(state)
      return true
    case 'proposed':
      return takeProposed(state, input)
    case 'verified':
      return takeVerified(state, input)
    case 'certified':
      return takeCertified(state, input)
    case 'synced':
      takeSynced(state, input)
      return true
  }
}

function takeMessage(state: State, from: number, bytes: Uint8Array): boolean {
  if (isMuted(state, from)) return false
  const message = decodeMessage(bytes)
  if (message === undefined) {
    blame(state, from, 'a message that is malformed')
    return false
  }
  // Late ones of the epoch before are nobody's fault.
  if (message.epoch !== state.config.epoch.number || from === state.self) return false
  if (from < state.heardMs.length) state.heardMs[from] = state.nowMs
  return takeSound(state, from, message)
}

function takeSound(state: State, from: number, message: Message): boolean {
  switch (message.type) {
    case 'vote':
      if (message.kind === NULLIFY) help(state, from, message.view)
      return !state.ended && countVote(state, from, message)
    case 'wantCertificates':
      answerCertificates(state, from, message)
      return false
    case 'wantBlocks':
      answerBlocks(state, from, message)
      return false
    default:
      // What is decided to the end has nothing to learn.
      return !state.ended && takeNews(state, from, message)
  }
}

function takeNews(
  state: State,
  from: number,
  message: Extract<Message, { type: 'proposal' | 'certificates' | 'blocks' }>,
): boolean {
  switch (message.type) {
    case 'proposal': {
      const news = takeProposal(state, from, message)
      if (news && message.view === state.view) expectNotarization(state)
      return news
    }
    case 'certificates': {
      let news = false
      for (const certificate of message.certificates) if (takeCertificate(state, from, certificate)) news = true
      return news
    }
    case 'blocks':
      return takeBlocks(state, from, message)
  }
}

/** Applies rules until none applies. */
function progress(state: State): void {
  while (!state.halted && RULES.some((rule) => rule(state)));
}
