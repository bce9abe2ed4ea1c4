import { headHash, utf8 } from '@armchain/core'
import { type Committee, createCommittee } from '../committee.ts'
import { roundRobinElector } from '../elector.ts'
import type { ConsensusEngine, EngineConfig, EngineEffect, EngineInput, Timing } from '../engine.ts'
import { signerBitmap } from '../signers.ts'
import { FINALIZE, linkOf, NOTARIZE, NULLIFY, statementsOf, type VoteKind } from '../statement.ts'
import { MODEL_GENESIS, MODEL_SHARD, MODEL_START, modelCommits, modelHead } from '../testing/chain-model.ts'
import { fakeKey, fakeScheme, fakeSign } from '../testing/fake-scheme.ts'
import { decodeMessage, encodeMessage, type Message, type Vote, type VoteCertificate } from './messages.ts'
import { createSimplexEngine } from './simplex.ts'

/** One engine of a committee of four, whose leaders take turns, and the hands of the other three. */
export const EPOCH = 5
export const TIMING: Timing = { deltaMs: 100, deltaMaxMs: 1_000, skipAfterMs: 10_000 }
export const START_MS = 1_000
export const committee: Committee = committeeOf([1, 1, 1, 1])
const statements = statementsOf({ genesisHash: MODEL_GENESIS, schemaVersion: 1, shard: MODEL_SHARD, epoch: EPOCH })

export function committeeOf(weights: readonly number[]): Committee {
  const seats = weights.map((weight, index) => ({ key: fakeKey(index), weight }))
  return createCommittee(seats, { scheme: fakeScheme, faults: 'byzantine' })
}

export function configOf(self: number, parts: Partial<EngineConfig> = {}): EngineConfig {
  const key = fakeKey(self)
  return {
    genesisHash: MODEL_GENESIS,
    shard: MODEL_SHARD,
    schemaVersion: 1,
    epoch: { number: EPOCH, startHeight: 10, startHash: MODEL_START, seed: MODEL_GENESIS },
    committee,
    self: { index: self, sign: (message) => fakeSign(key, message) },
    pace: { blockTimeMs: 0, idleMs: 0, mode: 'timed' },
    timing: TIMING,
    elector: roundRobinElector(committee),
    commits: modelCommits,
    ...parts,
  }
}

/** An engine with its shell's side: time, and what it has sent and written so far. */
export class Bench {
  readonly engine: ConsensusEngine
  readonly records: Uint8Array[] = []
  nowMs: number = START_MS
  effects: readonly EngineEffect[] = []

  constructor(self: number, parts: Partial<EngineConfig> = {}, start: Partial<EngineInput & { type: 'start' }> = {}) {
    this.engine = createSimplexEngine(configOf(self, parts))
    this.records.push(...(start.records ?? []))
    this.feed({ type: 'start', height: 10, headHash: MODEL_START, records: [], ...start })
  }

  feed(input: EngineInput): readonly EngineEffect[] {
    this.effects = this.engine.step(this.nowMs, input)
    for (const effect of this.effects) if (effect.type === 'append') this.records.push(effect.record)
    return this.effects
  }

  take(from: number, message: Message): readonly EngineEffect[] {
    return this.feed({ type: 'message', from, bytes: encodeMessage(message) })
  }

  /** Moves time on and fires the engine's timer. */
  wait(ms: number): readonly EngineEffect[] {
    this.nowMs += ms
    return this.feed({ type: 'timer', id: 1 })
  }

  /** Says that the block that the last effects asked about is valid, or not. */
  answer(valid = true): readonly EngineEffect[] {
    const asked = this.effects.find(({ type }) => type === 'verify' || type === 'certify')
    if (asked?.type !== 'verify' && asked?.type !== 'certify') throw new Error('nothing was asked')
    const { view, headHash: hash } = asked
    return this.feed({ type: asked.type === 'verify' ? 'verified' : 'certified', view, headHash: hash, valid })
  }

  /** Messages of the last step. */
  sent(): Message[] {
    return this.effects.flatMap((effect) => {
      const message = effect.type === 'send' ? decodeMessage(effect.bytes) : undefined
      return message === undefined ? [] : [message]
    })
  }

  votes(kind: VoteKind): Vote[] {
    return this.sent().filter((message): message is Vote => message.type === 'vote' && message.kind === kind)
  }

  kinds(): string[] {
    return this.effects.map(({ type }) => type)
  }
}

export type TestBlock = {
  readonly view: number
  readonly height: number
  readonly parentLink: Uint8Array
  readonly head: Uint8Array
  readonly payload: Uint8Array
  readonly hash: Uint8Array
  readonly link: Uint8Array
}

/** A block on another, or on the epoch's start. */
export function blockAt(view: number, below?: TestBlock, text = ''): TestBlock {
  const height = (below?.height ?? 10) + 1
  const parentLink = below?.link ?? MODEL_START
  const payload = utf8(`${view} ${text}`)
  const head = modelHead({ epoch: EPOCH, view, height, timeMs: 0, parent: below?.hash ?? MODEL_START, payload })
  const hash = headHash(head)
  return { view, height, parentLink, head, payload, hash, link: linkOf(parentLink, view, height, hash) }
}

export function voteOf(signer: number, kind: VoteKind, view: number, link?: Uint8Array): Vote {
  const signature = fakeSign(fakeKey(signer), statements(kind, view, link))
  return { type: 'vote', kind, epoch: EPOCH, view, signer, link, signature }
}

export function proposalOf(block: TestBlock, parentView = 0): Extract<Message, { type: 'proposal' }> {
  const { view, height, parentLink, head, payload, link } = block
  const { signature } = voteOf(view % 4, NOTARIZE, view, link)
  return { type: 'proposal', epoch: EPOCH, view, height, parentView, parentLink, head, payload, signature }
}

export function certificateOf(
  kind: VoteKind,
  view: number,
  link?: Uint8Array,
  signers: readonly number[] = [0, 1, 2],
): VoteCertificate {
  const signatures = signers.map((signer) => voteOf(signer, kind, view, link).signature)
  return { kind, view, link, signers: signerBitmap(signers, 4), proof: fakeScheme.assemble(signatures) }
}

export function certificatesOf(...certificates: readonly VoteCertificate[]): Message {
  return { type: 'certificates', epoch: EPOCH, certificates }
}

export const nullified = (view: number): Message => certificatesOf(certificateOf(NULLIFY, view))
export const notarised = ({ view, link }: TestBlock): Message => certificatesOf(certificateOf(NOTARIZE, view, link))
export const finalised = ({ view, link }: TestBlock): Message => certificatesOf(certificateOf(FINALIZE, view, link))
