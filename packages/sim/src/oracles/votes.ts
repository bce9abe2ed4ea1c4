import type { Host } from '../host.ts'
import type { MessageLens, Statement, VoteStatement } from '../lens.ts'
import type { Oracle } from '../oracle.ts'
import { byzantineSeats, type FaultModel, faultBudget, type Scenario, unboundSeats, weightOf } from '../scenario.ts'

/**
 * What is signed binds, whatever a host remembers: judged by the bytes that leave it, across crashes.
 *
 * - A correct seat notarises one digest in a view and finalises one; it never both finalises and nullifies a view, and
 *   finalises only what it could have seen notarised.
 * - It notarises only what the leader of the view has signed, on a block that is notarised, and past views that are
 *   nullified: certificates for that could be had from the votes that were sent until then.
 * - No view has two notarisations, nor a finalization beside a nullification, nor of another digest. Counted from
 *   all votes that were ever sent, and from the certificates whose signatures hold.
 */
export function votes(scenario: Scenario, model: FaultModel, lens: MessageLens): Oracle {
  const unbound = unboundSeats(scenario)
  const byzantine = byzantineSeats(scenario)
  const ballots = new Map<number, View>()
  const weights = Array.from({ length: scenario.nodes }, (_, seat) => weightOf(scenario, seat))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const quorum = model === 'crash' ? Math.floor(total / 2) + 1 : total - faultBudget(total, 'byzantine')

  let latest = 0
  /** A vote that a crash kept from being sent may be durable, and count where it was cast: up to here. */
  let unsentUpTo = 0

  function viewOf({ epoch, view }: { readonly epoch: number; readonly view: number }): View {
    const key = keyOf(epoch, view)
    latest = Math.max(latest, key)
    let found = ballots.get(key)
    if (found === undefined) {
      found = { own: new Map(), tallies: new Map(), certified: new Set(), proposals: new Map() }
      ballots.set(key, found)
    }
    return found
  }

  function judge(statement: Statement): string | undefined {
    const view = viewOf(statement)
    const where = `epoch ${statement.epoch} view ${statement.view}`
    const { kind, digest } = statement
    if (statement.type === 'certificate') {
      const known = view.certified.has(`${statement.kind}:${digest}`)
      return known || !statement.holds() ? undefined : certify(view, statement.kind, digest, where)
    }
    const { signer } = statement
    const own = unbound.has(signer) ? undefined : cast(view, signer, statement.kind, digest)
    if (own !== undefined) return `seat ${signer}, ${where}: ${own}`
    if (statement.on !== undefined) view.proposals.set(digest, statement.on)
    const unfounded = statement.kind === 'notarize' && !byzantine.has(signer) ? groundless(statement, view) : undefined
    if (unfounded !== undefined) return `seat ${signer}, ${where}: ${unfounded}`
    const name = `${kind}:${digest}`
    const tally = view.tallies.get(name) ?? { signers: new Set(), weight: 0 }
    view.tallies.set(name, tally)
    if (tally.signers.has(signer)) return undefined
    tally.signers.add(signer)
    tally.weight += weights[signer] ?? 0
    return tally.weight < quorum ? undefined : certify(view, CERTIFICATES[statement.kind], digest, where)
  }

  /** Why no correct seat notarises this, by what was signed until now; undefined if one may. */
  function groundless({ epoch, view: at, digest, signer }: VoteStatement, view: View): string | undefined {
    const leader = lens.leader?.(epoch, at) ?? signer
    if (leader !== signer && !view.tallies.get(`notarize:${digest}`)?.signers.has(leader))
      return `notarised what its leader ${leader} has not proposed`
    const on = view.proposals.get(digest)
    if (on === undefined) return undefined
    for (let between = on.view + 1; between < at; between++)
      if (keyOf(epoch, between) > unsentUpTo && !viewOf({ epoch, view: between }).nullified)
        return `skipped view ${between}, which nobody could prove nullified`
    if (on.view === 0 || keyOf(epoch, on.view) <= unsentUpTo) return undefined
    const { certified } = viewOf({ epoch, view: on.view })
    if (certified.has(`notarization:${on.digest}`) || certified.has(`finalization:${on.digest}`)) return undefined
    return `built on ${short(on.digest)} of view ${on.view}, which was not notarised`
  }

  return {
    name: 'votes',
    sent(host: Host, _to: number | 'all', bytes: Uint8Array) {
      for (const statement of lens.read(bytes, host.seat)) {
        const message = judge(statement)
        if (message !== undefined) return message
      }
      return undefined
    },
    restarted() {
      unsentUpTo = latest + 1
      return undefined
    },
  }
}

/** Views of all epochs, in order. */
function keyOf(epoch: number, view: number): number {
  return epoch * 0x1_0000_0000 + view
}

type Own = { notarize?: string; finalize?: string; nullify?: string }
type View = {
  readonly own: Map<number, Own>
  readonly tallies: Map<string, { readonly signers: Set<number>; weight: number }>
  /** What was proposed by whoever leads, and on what. */
  readonly proposals: Map<string, { readonly view: number; readonly digest: string }>
  /** Kind and digest of every certificate that exists. */
  readonly certified: Set<string>
  notarized?: string
  finalized?: string
  nullified?: boolean
}

const CERTIFICATES = { notarize: 'notarization', nullify: 'nullification', finalize: 'finalization' } as const

function cast(
  view: View,
  signer: number,
  kind: 'notarize' | 'nullify' | 'finalize',
  digest: string,
): string | undefined {
  const own = view.own.get(signer) ?? {}
  view.own.set(signer, own)
  const before = own[kind]
  if (before !== undefined && before !== digest) return `two ${kind} votes, ${short(before)} and ${short(digest)}`
  if (before !== undefined) return undefined
  if (kind === 'notarize' && own.nullify !== undefined) return 'notarised what it had nullified'
  own[kind] = digest
  if (own.finalize !== undefined && own.nullify !== undefined) return 'both finalised and nullified'
  return undefined
}

function certify(
  view: View,
  kind: 'notarization' | 'nullification' | 'finalization',
  digest: string,
  where: string,
): string | undefined {
  view.certified.add(`${kind}:${digest}`)
  if (kind === 'nullification') view.nullified = true
  else if (kind === 'finalization') {
    if (view.finalized !== undefined && view.finalized !== digest)
      return `${where} has finalizations of ${short(view.finalized)} and ${short(digest)}`
    view.finalized = digest
  } else {
    if (view.notarized !== undefined && view.notarized !== digest)
      return `${where} has notarizations of ${short(view.notarized)} and ${short(digest)}`
    view.notarized = digest
  }
  if (view.finalized !== undefined && view.nullified) return `${where} is both finalised and nullified`
  if (view.finalized !== undefined && view.notarized !== undefined && view.finalized !== view.notarized)
    return `${where} finalised ${short(view.finalized)} and notarised ${short(view.notarized)}`
  return undefined
}

function short(digest: string): string {
  return digest.slice(0, 8)
}
