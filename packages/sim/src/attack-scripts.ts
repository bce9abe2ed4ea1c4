import {
  encodeMessage,
  FINALIZE,
  linkOf,
  type Message,
  NOTARIZE,
  NULLIFY,
  signerBitmap,
  type VoteCertificate,
  type VoteKind,
} from '@armchain/consensus'
import { headHash } from '@armchain/core'
import { createHead } from './abstract-chain.ts'
import type { AttackScript, AttackState, SeenBlock, Sent } from './attacker.ts'
import { type Proposal, signStatement, type Vote } from './forgery.ts'
import { ATTACK_MEMORY, OVERSIZE_BYTES } from './limits.ts'
import type { AttackName } from './scenario.ts'

/** Each attack by name; what it aims at stands in `attacks.ts`. */
export const SCRIPTS: Readonly<Record<AttackName, (state: AttackState) => AttackScript>> = {
  'old-certificates': oldCertificates,
  'withheld-payload': withheldPayload,
  'nullify-flood': nullifyFlood,
  'split-certificate': splitCertificate,
  'wrong-epoch-votes': wrongEpochVotes,
  'oversized-messages': oversizedMessages,
  'finalize-and-nullify': finalizeAndNullify,
  'silent-leaders': () => ({ said: (effect, message) => (message.type === 'proposal' ? [] : [effect]) }),
  eclipse,
  flood,
}

/** Certificates of views and epochs long past, two every tick, as if they were news. */
function oldCertificates(): AttackScript {
  const kept: Uint8Array[] = []
  let next = 0
  return {
    heard(_from, message, bytes) {
      if (message.type === 'certificates' && kept.length < ATTACK_MEMORY) kept.push(bytes)
      return []
    },
    tick: () => (kept.length === 0 ? [] : [0, 1].map(() => send('all', kept[next++ % kept.length] as Uint8Array))),
  }
}

/** A leader whose block reaches just those whose votes notarise it; it answers no question, and says nothing else. */
function withheldPayload(state: AttackState): AttackScript {
  return {
    said(effect, message) {
      if (message.type === 'proposal') return few(state, message.view).map((to) => send(to, effect.bytes))
      return []
    },
  }
}

/** Nullifies the current view, hundreds that are to come and all that are past, over and over. */
function nullifyFlood(state: AttackState): AttackScript {
  let count = 0
  return {
    tick() {
      const { epoch, view } = state.place
      count++
      const views = [view, view + 1, view + (count % 400), Math.max(1, view - (count % 40)), 1_000_000 + count]
      return views.map((at) => send('all', encodeMessage(ownVote(state, { epoch, view: at }, NULLIFY, undefined))))
    },
  }
}

/** With each vote to notarise, and at once, both to finalise and to nullify: before anyone can have decided the view. */
function finalizeAndNullify(state: AttackState): AttackScript {
  return {
    said(effect, message) {
      if (message.type !== 'vote') return [effect]
      if (message.kind !== NOTARIZE) return []
      const both = [ownVote(state, message, FINALIZE, message.link), ownVote(state, message, NULLIFY, undefined)]
      return [effect, ...both.map((vote) => send('all', encodeMessage(vote)))]
    },
  }
}

/**
 * A leader whose fellows keep their votes for it, so that of those who voted nobody else has a quorum. It shows the
 * certificate to some of them, and to the others when they have nullified the view.
 */
function splitCertificate(state: AttackState): AttackScript {
  const { keys, scenario, seat } = state
  let own: { readonly epoch: number; readonly view: number; readonly link: Uint8Array } | undefined
  let votes = new Map<number, Uint8Array>()
  let shown: Uint8Array | undefined

  function collect(from: number, { epoch, view, kind, link, signature }: Vote): readonly Sent[] {
    if (own === undefined || view !== own.view || epoch !== own.epoch) return []
    // Too late for it: what it has done cannot be undone any more.
    if (kind === NULLIFY) return shown === undefined ? [] : [send(from, shown)]
    if (kind !== NOTARIZE || link === undefined || shown !== undefined) return []
    votes.set(from, signature)
    const voters = [...few(state, view), ...fellows(state)]
    if (!voters.every((voter) => votes.has(voter))) return []
    const signers = [seat, ...voters].sort((a, b) => a - b)
    const statement = { kind: NOTARIZE, view, link: own.link } as const
    const mine = signStatement(state, epoch, statement)
    const proof = keys.committee.scheme.assemble(signers.map((signer) => votes.get(signer) ?? mine))
    const bitmap = signerBitmap(signers, scenario.nodes)
    shown = encodeMessage({ type: 'certificates', epoch, certificates: [{ ...statement, signers: bitmap, proof }] })
    const bytes = shown
    return few(state, view)
      .slice(0, 1)
      .map((to) => send(to, bytes))
  }

  return {
    said(effect, message) {
      if (message.type === 'vote') return fellows(state).map((to) => send(to, effect.bytes))
      if (message.type === 'certificates') return []
      if (message.type !== 'proposal') return [effect]
      const { epoch, view, height, parentLink, head } = message
      own = { epoch, view, link: linkOf(parentLink, view, height, headHash(head)) }
      votes = new Map()
      shown = undefined
      return [...few(state, view), ...fellows(state)].map((to) => send(to, effect.bytes))
    },
    heard: (from, message) => (message.type === 'vote' ? collect(from, message) : []),
  }
}

/** Every vote again as of the epochs around, signed for them or not; those of others too, as of another epoch. */
function wrongEpochVotes(state: AttackState): AttackScript {
  const around = (epoch: number): readonly number[] => [epoch - 1, epoch + 1].filter((each) => each >= 0)
  return {
    said(effect, message) {
      if (message.type !== 'vote') return [effect]
      const { kind, link, view, epoch } = message
      const forged = around(epoch).flatMap((other) => {
        const vote = ownVote(state, { epoch: other, view }, kind, link)
        return [vote, { ...vote, epoch }].map((each) => send('all', encodeMessage(each)))
      })
      return [effect, ...forged]
    },
    heard: (_from, message) =>
      message.type === 'vote'
        ? around(message.epoch).map((epoch) => send('all', encodeMessage({ ...message, epoch })))
        : [],
  }
}

/** Four megabytes five times a second: of zeros, and as each kind of message. */
function oversizedMessages(): AttackScript {
  let count = 0
  return {
    tick: () => (count++ % 20 === 0 ? [send('all', oversized(count % OVERSIZED_KINDS))] : []),
  }
}

/**
 * One node hears nobody but the attacker, which keeps from it all that is true and shows it blocks of its own on what was
 * proposed last, final by certificates that it alone has signed: in its own name, or in everyone's.
 */
function eclipse(state: AttackState): AttackScript {
  const { scenario, seat } = state
  const dark = scenario.faults.find((fault) => fault.type === 'eclipse')
  const victim = dark?.type === 'eclipse' ? dark.node : (seat + 1) % scenario.nodes
  const bases: SeenBlock[] = []
  const forged = new Map<string, Uint8Array>()
  let count = 0

  function lie(): readonly Sent[] {
    if (bases.length === 0) bases.push(...state.seen)
    const base = bases[count++ % Math.max(1, bases.length)]
    if (base === undefined) return []
    const { message, link } = forgeBlock(state, base, base.view + 1 + (count % 64))
    const { epoch, view, height, parentLink, head, payload } = message
    const block = { view, height, parentLink, head, payload: payload as Uint8Array }
    forged.set(link.join(), encodeMessage({ type: 'blocks', epoch, blocks: [block] }))
    const certificates = ([NOTARIZE, FINALIZE] as const).flatMap((kind) =>
      forgeCertificates(state, { epoch, kind, view, link }),
    )
    return [
      send(victim, encodeMessage(message)),
      ...certificates.map((certificate) =>
        send(victim, encodeMessage({ type: 'certificates', epoch, certificates: [certificate] })),
      ),
    ]
  }

  return {
    said(effect) {
      if (effect.to === victim) return []
      if (effect.to !== 'all') return [effect]
      return others(state).flatMap((to) => (to === victim ? [] : [send(to, effect.bytes)]))
    },
    heard(from, message) {
      const bytes = message.type === 'wantBlocks' ? forged.get(message.link.join()) : undefined
      return from === victim && bytes !== undefined ? [send(victim, bytes)] : []
    },
    // As often as a node that is cut off from the rest would take for life.
    tick: () => (state.random.chance(0.05) ? lie() : []),
  }
}

/** 10,000 messages a second to everyone: malformed, oversized, of another epoch, and what was heard before. */
function flood(state: AttackState): AttackScript {
  let count = 0
  const one = (): Uint8Array => {
    switch (count++ % 4) {
      case 0:
        return Uint8Array.from({ length: 1 + state.random.below(200) }, () => state.random.below(256))
      case 1:
        return oversized(count % OVERSIZED_KINDS)
      case 2: {
        const { epoch, view } = state.place
        return encodeMessage(ownVote(state, { epoch: epoch + 1 + (count % 7), view }, NULLIFY, undefined))
      }
      default:
        return state.heard.length === 0 ? new Uint8Array(1) : state.random.pick(state.heard)
    }
  }
  return { tick: () => Array.from({ length: FLOOD_PER_TICK }, () => send('all', one())) }
}

/** At `TICK_MS`, 10,000 a second. */
const FLOOD_PER_TICK = 100
const OVERSIZED_KINDS = 6

const oversizedByTag: Uint8Array[] = []

/** Made once: who sends it a hundred times has one copy. */
function oversized(tag: number): Uint8Array {
  const known = oversizedByTag[tag]
  if (known !== undefined) return known
  const bytes = new Uint8Array(OVERSIZE_BYTES)
  bytes[0] = tag
  oversizedByTag[tag] = bytes
  return bytes
}

function send(to: number | 'all', bytes: Uint8Array): Sent {
  return { type: 'send', to, lane: 'engine', bytes }
}

function others({ scenario, seat }: AttackState): readonly number[] {
  return Array.from({ length: scenario.nodes - 1 }, (_, i) => (seat + 1 + i) % scenario.nodes)
}

/** Other seats that attack. */
function fellows({ scenario, seat }: AttackState): readonly number[] {
  return scenario.faults.flatMap((fault) => (fault.type === 'attack' && fault.node !== seat ? [fault.node] : []))
}

/** So many correct seats as are a quorum with the attackers, where seats weigh the same: in turn, by view. */
function few(state: AttackState, view: number): readonly number[] {
  const allies = fellows(state)
  const rest = others(state).filter((seat) => !allies.includes(seat))
  const count = state.keys.committee.quorumWeight - allies.length - 1
  return Array.from({ length: count }, (_, i) => rest[(view + i) % rest.length] as number)
}

function ownVote(
  state: AttackState,
  at: { readonly epoch: number; readonly view: number },
  kind: VoteKind,
  link: Uint8Array | undefined,
): Vote {
  const { epoch, view } = at
  const signature = signStatement(state, epoch, { kind, view, link })
  return { type: 'vote', kind, epoch, view, signer: state.seat, link, signature }
}

/** A block of the attacker's own on one that was proposed. */
function forgeBlock(
  state: AttackState,
  { epoch, view: parentView, height: below, parentLink: grandparent, hash }: SeenBlock,
  view: number,
): { readonly message: Proposal; readonly link: Uint8Array } {
  const parentLink = linkOf(grandparent, parentView, below, hash)
  const payload = state.payload()
  const height = below + 1
  const head = createHead({ genesis: state.keys.genesisHash, epoch, view, height, parent: hash, payload })
  const link = linkOf(parentLink, view, height, headHash(head))
  const signature = signStatement(state, epoch, { kind: NOTARIZE, view, link })
  const message: Message = {
    type: 'proposal',
    epoch,
    view,
    height,
    parentView,
    parentLink,
    head,
    payload,
    signature,
  }
  return { message, link }
}

/** What no quorum has signed: by the attacker alone, and by it in the names of all. */
function forgeCertificates(
  state: AttackState,
  statement: { readonly epoch: number; readonly kind: VoteKind; readonly view: number; readonly link: Uint8Array },
): readonly VoteCertificate[] {
  const { keys, scenario, seat } = state
  const { epoch, kind, view, link } = statement
  const signature = signStatement(state, epoch, statement)
  return [[seat], Array.from({ length: scenario.nodes }, (_, i) => i)].map((named) => ({
    kind,
    view,
    link,
    signers: signerBitmap(named, scenario.nodes),
    proof: keys.committee.scheme.assemble(named.map(() => signature)),
  }))
}
