import type { Host } from '../host.ts'
import type { MessageLens, Statement, VoteStatement } from '../lens.ts'
import type { Oracle } from '../oracle.ts'
import { byzantineSeats, type FaultModel, faultBudget, type Scenario, unboundSeats, weightOf } from '../scenario.ts'
import {
  Ballots,
  CERTIFICATES,
  cast,
  certify,
  type Ground,
  isCertified,
  keyOf,
  propose,
  short,
  tallyOf,
  type View,
} from './ballots.ts'

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
  const ballots = new Ballots()
  const weights = Array.from({ length: scenario.nodes }, (_, seat) => weightOf(scenario, seat))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const quorum = model === 'crash' ? Math.floor(total / 2) + 1 : total - faultBudget(total, 'byzantine')

  /** A vote that a crash kept from being sent may be durable, and count where it was cast: up to here. */
  let unsentUpTo = 0
  /** The same by seat: what it says of views up to here it may have decided before it crashed. */
  const restartedIn = new Map<number, number>()

  function judge(statement: Statement): string | undefined {
    const view = ballots.of(statement.epoch, statement.view)
    const { digest } = statement
    if (statement.type === 'certificate') {
      if (isCertified(view, statement.kind, digest) || !statement.holds()) return undefined
      const broken = certify(view, statement.kind, digest)
      return broken && `${nameOf(statement)} ${broken}`
    }
    const { kind, signer } = statement
    const own = unbound.has(signer)
      ? undefined
      : cast(view, {
          signer,
          kind,
          digest,
          late: keyOf(statement.epoch, statement.view) <= (restartedIn.get(signer) ?? -1),
        })
    if (own !== undefined) return `seat ${signer}, ${nameOf(statement)}: ${own}`
    const { on } = statement
    if (on !== undefined) propose(view, digest, on)
    const unfounded = kind === 'notarize' && !byzantine.has(signer) ? groundless(statement, view) : undefined
    if (unfounded !== undefined) return `seat ${signer}, ${nameOf(statement)}: ${unfounded}`
    const tally = tallyOf(view, kind, digest)
    if (tally.signed[signer]) return undefined
    tally.signed[signer] = true
    tally.weight += weights[signer] ?? 0
    const broken = tally.weight < quorum ? undefined : certify(view, CERTIFICATES[kind], digest)
    return broken && `${nameOf(statement)} ${broken}`
  }

  /** Why no correct seat notarises this, by what was signed until now; undefined if one may. */
  function groundless({ epoch, view: at, digest, signer }: VoteStatement, view: View): string | undefined {
    const leader = lens.leader?.(epoch, at) ?? signer
    if (leader !== signer && !tallyOf(view, 'notarize', digest).signed[leader])
      return `notarised what its leader ${leader} has not proposed`
    let reason: string | undefined
    for (const { on, digest: of } of view.proposals) {
      if (of !== digest) continue
      reason = badGround(ballots, { epoch, view: at, on, unsentUpTo })
      if (reason === undefined) return undefined
    }
    return reason
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
    restarted({ seat }: Host) {
      unsentUpTo = ballots.latestKey + 1
      restartedIn.set(seat, unsentUpTo)
      return undefined
    },
  }
}

function nameOf({ epoch, view }: Statement): string {
  return `epoch ${epoch} view ${view}`
}

/** Why nothing may stand there in a view, by what was signed in views after `unsentUpTo`. */
function badGround(
  ballots: Ballots,
  place: { readonly epoch: number; readonly view: number; readonly on: Ground; readonly unsentUpTo: number },
): string | undefined {
  const { epoch, view, on, unsentUpTo } = place
  for (let between = on.view + 1; between < view; between++)
    if (keyOf(epoch, between) > unsentUpTo && !ballots.of(epoch, between).nullified)
      return `skipped view ${between}, which nobody could prove nullified`
  if (on.view === 0 || keyOf(epoch, on.view) <= unsentUpTo) return undefined
  const below = ballots.of(epoch, on.view)
  if (isCertified(below, 'notarization', on.digest) || isCertified(below, 'finalization', on.digest)) return undefined
  return `built on ${short(on.digest)} of view ${on.view}, which was not notarised`
}
