import {
  decodeMessage,
  encodeMessage,
  FINALIZE,
  linkOf,
  type Message,
  NOTARIZE,
  NULLIFY,
  signerBitmap,
  type VoteKind,
} from '@armchain/consensus'
import { equalBytes, headHash } from '@armchain/core'
import { abstractForge } from './abstract-forge.ts'
import type { ClusterKeys } from './cluster-keys.ts'
import type { Recovered } from './disk.ts'
import { type BlockForge, type Forger, type Proposal, signStatement, type Vote } from './forgery.ts'
import { OVERSIZE_BYTES, REPLAY_MEMORY } from './limits.ts'
import type { NodeEffect, NodeInput, SimNode } from './node-port.ts'
import { createRandom, mix, type Random } from './random.ts'
import type { Scenario, Trick } from './scenario.ts'

export type MutatorOptions = {
  readonly scenario: Scenario
  readonly keys: ClusterKeys
  readonly seat: number
  readonly tricks: readonly Trick[]
  /** An honest node, whose words are twisted. */
  readonly inner: SimNode
}

export type TwisterOptions = Pick<MutatorOptions, 'scenario' | 'tricks'> & {
  readonly forger: Forger
  /** What the engine's messages carry is the application's, and so is how it is forged. */
  readonly forge: BlockForge
  readonly random: Random
}

type Sent = NodeEffect & { readonly type: 'send' }

/** How often a message that could be twisted is. */
const TWIST_RATIO = 0.35
const TWIST_PROPOSAL_RATIO = 0.7
/** What can be done to a message, by its type, and on the occasion of one. */
const TWISTS = {
  proposal: ['flip', 'withhold', 'equivocate', 'bad-parent', 'bad-payload'],
  vote: ['flip', 'withhold', 'equivocate', 'vote-both'],
  blocks: ['flip', 'withhold', 'bad-payload'],
  other: ['flip', 'withhold'],
} as const satisfies Record<string, readonly Trick[]>
const INJECTIONS = {
  vote: ['replay', 'garbage', 'oversize', 'wrong-epoch', 'forge-certificate', 'duplicate-signer', 'usurp'],
  other: ['replay', 'garbage', 'oversize'],
} as const satisfies Record<string, readonly Trick[]>
/** And how often a message that an honest node sends gives occasion for one more. */
const INJECT_RATIO = 0.1
/** An oversized message costs the simulation more than it shows. */
const OVERSIZE_RATIO = 0.001

/**
 * A Byzantine node that knows the protocol and signs with its own key only. It runs an honest node to be plausible, and
 * twists what that sends: what twins cannot do, as they run honest code. It follows no rule; which of its tricks are
 * played is the scenario's.
 */
export class Mutator implements SimNode {
  readonly #inner: SimNode
  readonly #twister: Twister

  constructor({ scenario, keys, seat, tricks, inner }: MutatorOptions) {
    const random = createRandom(mix(scenario.seed ^ 0x6d757461) + seat)
    const forger = { keys, seat }
    this.#inner = inner
    this.#twister = new Twister({
      scenario,
      tricks,
      forger,
      forge: abstractForge(forger, scenario.seed, random),
      random,
    })
  }

  start(nowMs: number, recovered: Recovered): readonly NodeEffect[] {
    return this.#twister.twist(this.#inner.start(nowMs, recovered))
  }

  step(nowMs: number, input: NodeInput): readonly NodeEffect[] {
    if (input.type === 'message' && input.lane === 'engine') this.#twister.hear(input.bytes)
    return this.#twister.twist(this.#inner.step(nowMs, input))
  }
}

/** Twists what one engine sends. */
export class Twister {
  readonly #options: TwisterOptions
  readonly #random: Random
  readonly #heard: Uint8Array[] = []
  /** Blocks that it has seen proposed, as parents to choose. */
  readonly #seen: {
    readonly view: number
    readonly height: number
    readonly link: Uint8Array
    readonly hash: Uint8Array
  }[] = []

  constructor(options: TwisterOptions) {
    this.#options = options
    this.#random = options.random
  }

  /** A message of another node. */
  hear(bytes: Uint8Array): void {
    this.#remember(bytes)
    const message = decodeMessage(bytes)
    if (message?.type === 'proposal') this.#see(message)
  }

  /** What is said in the place of what an honest engine would say. */
  twist(effects: readonly NodeEffect[]): readonly NodeEffect[] {
    return effects.flatMap((effect) => {
      if (effect.type !== 'send' || effect.lane !== 'engine') return [effect]
      this.#remember(effect.bytes)
      const message = decodeMessage(effect.bytes)
      if (message === undefined) return [effect]
      if (message.type === 'proposal') this.#see(message)
      const ratio = message.type === 'proposal' ? TWIST_PROPOSAL_RATIO : TWIST_RATIO
      const twisted = this.#random.chance(ratio) ? this.#twistOne(effect, message) : [effect]
      return this.#random.chance(INJECT_RATIO) ? [...twisted, ...this.#inject(message)] : twisted
    })
  }

  #twistOne(effect: Sent, message: Message): readonly NodeEffect[] {
    switch (this.#draw(message.type in TWISTS ? TWISTS[message.type as keyof typeof TWISTS] : TWISTS.other)) {
      case 'flip':
        return [{ ...effect, bytes: this.#flip(effect.bytes) }]
      case 'withhold':
        return this.#random.chance(0.5) ? [] : this.#toSome(effect.bytes, 0.5)
      case 'equivocate':
        if (message.type === 'proposal') return this.#equivocate(effect.bytes, message)
        return message.type === 'vote' ? [effect, this.#voteFor(message, message.kind)] : [effect]
      case 'vote-both':
        return message.type === 'vote'
          ? [effect, this.#voteFor(message, this.#random.pick([NULLIFY, FINALIZE]))]
          : [effect]
      case 'bad-parent':
        return message.type === 'proposal' ? [this.#onAnotherParent(message)] : [effect]
      case 'bad-payload':
        if (message.type === 'blocks') return [this.#withSwappedPayloads(effect, message)]
        return message.type === 'proposal' ? [this.#withBadPayload(message)] : [effect]
      default:
        return [effect]
    }
  }

  #inject(message: Message): readonly NodeEffect[] {
    const trick = this.#draw(message.type === 'vote' ? INJECTIONS.vote : INJECTIONS.other)
    if (trick === 'replay') return this.#heard.length === 0 ? [] : this.#toSome(this.#random.pick(this.#heard), 0.5)
    if (trick === 'garbage') return this.#toSome(this.#noise(), 0.5)
    if (trick === 'oversize') return this.#random.chance(OVERSIZE_RATIO) ? this.#toSome(oversized, 0.5) : []
    if (message.type !== 'vote') return []
    switch (trick) {
      case 'wrong-epoch':
        return [this.#inEpoch(message)]
      case 'forge-certificate':
        return [this.#forged(message)]
      case 'duplicate-signer':
        return this.#manyTimes(message)
      case 'usurp':
        return this.#usurp(message)
      default:
        return []
    }
  }

  /** One of its tricks that fits the occasion. */
  #draw(fitting: readonly Trick[]): Trick | undefined {
    const own = fitting.filter((trick) => this.#options.tricks.includes(trick))
    return own.length === 0 ? undefined : this.#random.pick(own)
  }

  #noise(): Uint8Array {
    return Uint8Array.from({ length: this.#random.below(80) }, () => this.#random.below(256))
  }

  /** The same message with one bit of it changed. */
  #flip(bytes: Uint8Array): Uint8Array {
    const flipped = bytes.slice()
    const at = this.#random.below(flipped.length)
    flipped[at] = (flipped[at] as number) ^ (1 << this.#random.below(8))
    return flipped
  }

  /** One proposal to some, another one to the others, both signed. */
  #equivocate(bytes: Uint8Array, message: Proposal): readonly NodeEffect[] {
    const other = this.#options.forge.second(message)
    const [few, rest] = this.#split()
    if (other === undefined) return few.map((to) => this.#send(to, bytes))
    return [...few.map((to) => this.#send(to, bytes)), ...rest.map((to) => this.#send(to, encodeMessage(other)))]
  }

  /** A block on one that it has seen lately, whether or not the views between were skipped, or on none at all. */
  #onAnotherParent(message: Proposal): NodeEffect {
    const { forge } = this.#options
    const parent = this.#random.pick([...this.#seen.slice(-PARENTS), undefined])
    if (message.payload === undefined) return this.#send('all', encodeMessage(message))
    if (parent === undefined || parent.view >= message.view) {
      // Named after the right view, and standing on something else.
      const parentLink = this.#random.pick(this.#seen)?.link ?? new Uint8Array(32)
      return this.#send('all', encodeMessage(forge.moved({ ...message, parentLink }) ?? message))
    }
    const { view, link, height, hash } = parent
    const moved = { ...message, parentView: view, parentLink: link, height: height + 1 }
    return this.#send('all', encodeMessage(forge.moved(moved, hash) ?? message))
  }

  /** Proposes in the view after the one that is voted on, whoever leads it. */
  #usurp({ epoch, view, link }: Vote): readonly NodeEffect[] {
    const parent = this.#seen.find((each) => link !== undefined && equalBytes(each.link, link))
    if (parent === undefined) return []
    const empty = new Uint8Array(0)
    const proposal = this.#options.forge.second(
      {
        type: 'proposal',
        epoch,
        view: view + 1,
        height: parent.height + 1,
        parentView: parent.view,
        parentLink: parent.link,
        head: empty,
        payload: empty,
        signature: empty,
      },
      parent.hash,
    )
    return proposal === undefined ? [] : [this.#send('all', encodeMessage(proposal))]
  }

  #withSwappedPayloads(effect: Sent, message: Extract<Message, { type: 'blocks' }>): NodeEffect {
    const { forge } = this.#options
    const blocks = message.blocks.map((block) => ({ ...block, payload: forge.stray(block.payload) }))
    return { ...effect, bytes: encodeMessage({ ...message, blocks }) }
  }

  #withBadPayload(message: Proposal): NodeEffect {
    const { forge } = this.#options
    // The head commits to another one.
    if (this.#random.chance(0.3))
      return this.#send('all', encodeMessage({ ...message, payload: forge.stray(message.payload) }))
    return this.#send('all', encodeMessage(forge.bad(message) ?? message))
  }

  /** A second vote in the same view: for another block, or of another kind. */
  #voteFor(vote: Vote, kind: VoteKind): NodeEffect {
    const other = this.#seen.findLast(({ view }) => view === vote.view)?.link
    const link = kind === NULLIFY ? undefined : (other ?? vote.link ?? new Uint8Array(32).fill(this.#random.below(256)))
    const signature = this.#sign(vote.epoch, kind, vote.view, link)
    return this.#send(this.#anyone(), encodeMessage({ ...vote, kind, link, signature }))
  }

  #inEpoch(vote: Vote): NodeEffect {
    const epoch = Math.max(0, vote.epoch + this.#random.pick([-1, 1]))
    const signature = this.#sign(epoch, vote.kind, vote.view, vote.link)
    // Signed for an epoch and sent as of another.
    const shown = this.#random.chance(0.5) ? vote.epoch : epoch
    return this.#send('all', encodeMessage({ ...vote, epoch: shown, signature }))
  }

  /** A certificate that only it has signed: alone, or under the names of all. */
  #forged(vote: Vote): NodeEffect {
    const { scenario, forger } = this.#options
    const { keys, seat } = forger
    const { epoch, view } = vote
    const { kind, link } = this.#otherStatement(vote)
    const signature = this.#sign(epoch, kind, view, link)
    const seats = Array.from({ length: scenario.nodes }, (_, i) => i)
    const named = this.#random.chance(0.5) ? [seat] : seats
    const proof = keys.committee.scheme.assemble(named.map(() => signature))
    const certificate = { kind, view, link, signers: signerBitmap(named, scenario.nodes), proof }
    return this.#send('all', encodeMessage({ type: 'certificates', epoch, certificates: [certificate] }))
  }

  /** One vote often, and another one as if it were others'. */
  #manyTimes(vote: Vote): readonly NodeEffect[] {
    const { nodes } = this.#options.scenario
    const again = encodeMessage({ ...vote })
    const { kind, link } = this.#otherStatement(vote)
    const signature = this.#sign(vote.epoch, kind, vote.view, link)
    const others = Array.from({ length: nodes }, (_, signer) =>
      encodeMessage({ ...vote, kind, link, signature, signer }),
    )
    return [again, again, again, ...others].map((bytes) => this.#send('all', bytes))
  }

  /** A statement on a vote's view, of any kind and for any block. */
  #otherStatement({ link }: Vote): { readonly kind: VoteKind; readonly link: Uint8Array | undefined } {
    const kind: VoteKind = this.#random.pick<VoteKind>([NOTARIZE, NULLIFY, FINALIZE])
    if (kind === NULLIFY) return { kind, link: undefined }
    const other = this.#seen.length === 0 ? undefined : this.#random.pick(this.#seen).link
    return {
      kind,
      link: this.#random.chance(0.5) ? (link ?? other ?? new Uint8Array(32)) : (other ?? new Uint8Array(32)),
    }
  }

  #toSome(bytes: Uint8Array, ratio: number): readonly NodeEffect[] {
    const seats = Array.from({ length: this.#options.scenario.nodes }, (_, i) => i)
    return seats.filter(() => this.#random.chance(ratio)).map((to) => this.#send(to, bytes))
  }

  #split(): readonly [readonly number[], readonly number[]] {
    const seats = Array.from({ length: this.#options.scenario.nodes }, (_, i) => i)
    const few = seats.filter(() => this.#random.chance(0.5))
    return [few, seats.filter((seat) => !few.includes(seat))]
  }

  #anyone(): number | 'all' {
    return this.#random.chance(0.5) ? 'all' : this.#random.below(this.#options.scenario.nodes)
  }

  #send(to: number | 'all', bytes: Uint8Array): Sent {
    return { type: 'send', to, lane: 'engine', bytes }
  }

  #sign(epoch: number, kind: VoteKind, view: number, link: Uint8Array | undefined): Uint8Array {
    return signStatement(this.#options.forger, epoch, { kind, view, link })
  }

  #remember(bytes: Uint8Array): void {
    if (this.#heard.length < REPLAY_MEMORY) this.#heard.push(bytes)
    else this.#heard[this.#random.below(REPLAY_MEMORY)] = bytes
  }

  #see({ view, height, parentLink, head }: Proposal): void {
    const hash = headHash(head)
    this.#seen.push({ view, height, hash, link: linkOf(parentLink, view, height, hash) })
    if (this.#seen.length > SEEN_MAX) this.#seen.shift()
  }
}

/** Recent blocks that it remembers, and those of them that it likes to build on. */
const SEEN_MAX = 8
const PARENTS = 3

const oversized = new Uint8Array(OVERSIZE_BYTES)
