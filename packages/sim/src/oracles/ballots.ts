import type { CertificateStatement, VoteKind, VoteStatement } from '../lens.ts'

/** What was voted in all views, kept to the end of a run: a vote of long ago may be contradicted late. */
export class Ballots {
  readonly #views: Map<number, View> = new Map()
  /** The view that was looked for last, as its votes come in a row. */
  #recent: { readonly key: number; readonly view: View } | undefined
  #latest = { epoch: 0, view: 0 }

  of(epoch: number, view: number): View {
    const key = keyOf(epoch, view)
    if (this.#recent?.key === key) return this.#recent.view
    let found = this.#views.get(key)
    if (found === undefined) {
      found = { own: [], tallies: [], certified: [], proposals: [] }
      this.#views.set(key, found)
    }
    this.#recent = { key, view: found }
    return found
  }

  /** A correct seat has voted there. Others name epochs and views that nobody will ever see. */
  reach(epoch: number, view: number): void {
    if (keyOf(epoch, view) > keyOf(this.#latest.epoch, this.#latest.view)) this.#latest = { epoch, view }
  }

  /** Views in which a correct seat may have cast a vote by now, sent or not: up to the next one, and the first of the next epoch. */
  until(): Views {
    const { epoch, view } = this.#latest
    return { upTo: keyOf(epoch, view + 1), first: keyOf(epoch + 1, 1) }
  }
}

/** All views up to one, and a later one, by their keys. */
export type Views = { readonly upTo: number; readonly first: number }

export const NONE: Views = { upTo: -1, first: -1 }

export function isAmong({ upTo, first }: Views, at: { readonly epoch: number; readonly view: number }): boolean {
  const key = keyOf(at.epoch, at.view)
  return key <= upTo || key === first
}

/** Views of all epochs, in order. */
function keyOf(epoch: number, view: number): number {
  return epoch * 0x1_0000_0000 + view
}

type Own = {
  notarize?: string
  finalize?: string
  nullify?: string
  /** A vote to notarise that a crash kept from being sent may have come before. */
  nullifiedLate?: boolean
}
export type Ground = NonNullable<VoteStatement['on']>
type Tally = { readonly kind: VoteKind; readonly digest: string; readonly signed: boolean[]; weight: number }
/** Lists, as nearly all views have one digest or two: they are looked through faster than a name is made for each. */
export type View = {
  /** By seat. */
  readonly own: (Own | undefined)[]
  readonly tallies: Tally[]
  /** What was proposed by whoever leads, and on what: a digest names its parent, and not the view in which that is sought. */
  readonly proposals: { readonly digest: string; readonly on: Ground }[]
  /** Every certificate that exists. */
  readonly certified: { readonly kind: CertificateKind; readonly digest: string }[]
  notarized?: string
  finalized?: string
  nullified?: boolean
}

export type CertificateKind = CertificateStatement['kind']
export const CERTIFICATES = { notarize: 'notarization', nullify: 'nullification', finalize: 'finalization' } as const

export function propose({ proposals }: View, digest: string, on: Ground): void {
  if (!proposals.some((each) => each.digest === digest && each.on.view === on.view)) proposals.push({ digest, on })
}

export function isCertified({ certified }: View, kind: CertificateKind, digest: string): boolean {
  return certified.some((each) => each.kind === kind && each.digest === digest)
}

export function tallyOf({ tallies }: View, kind: VoteKind, digest: string): Tally {
  const known = tallies.find((each) => each.kind === kind && each.digest === digest)
  if (known !== undefined) return known
  const made = { kind, digest, signed: [], weight: 0 }
  tallies.push(made)
  return made
}

/**
 * Adds what a seat has signed; gives what it contradicts. `late`: the seat has crashed in the meantime, so that it may have
 * cast a vote in this view before, and made it durable, that was not sent.
 */
export function cast(
  view: View,
  vote: { readonly signer: number; readonly kind: VoteKind; readonly digest: string; readonly late: boolean },
): string | undefined {
  const { signer, kind, digest, late } = vote
  const own = view.own[signer] ?? {}
  view.own[signer] = own
  const before = own[kind]
  if (before !== undefined && before !== digest) return `two ${kind} votes, ${short(before)} and ${short(digest)}`
  if (before !== undefined) return undefined
  if (kind === 'notarize' && own.nullify !== undefined && !own.nullifiedLate) return 'notarised what it had nullified'
  if (kind === 'nullify') own.nullifiedLate = late
  own[kind] = digest
  if (own.finalize !== undefined && own.nullify !== undefined) return 'both finalised and nullified'
  return undefined
}

export function certify(view: View, kind: CertificateKind, digest: string): string | undefined {
  if (!isCertified(view, kind, digest)) view.certified.push({ kind, digest })
  if (kind === 'nullification') view.nullified = true
  else if (kind === 'finalization') {
    if (view.finalized !== undefined && view.finalized !== digest)
      return `has finalizations of ${short(view.finalized)} and ${short(digest)}`
    view.finalized = digest
  } else {
    if (view.notarized !== undefined && view.notarized !== digest)
      return `has notarizations of ${short(view.notarized)} and ${short(digest)}`
    view.notarized = digest
  }
  if (view.finalized !== undefined && view.nullified) return 'is both finalised and nullified'
  if (view.finalized !== undefined && view.notarized !== undefined && view.finalized !== view.notarized)
    return `finalised ${short(view.finalized)} and notarised ${short(view.notarized)}`
  return undefined
}

export function short(digest: string): string {
  return digest.slice(0, 8)
}
