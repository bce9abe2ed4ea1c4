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
  isAmong,
  isCertified,
  NONE,
  propose,
  short,
  tallyOf,
  type View,
  type Views,
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
  let unsent = NONE
  /** The same by seat: what it says of these views it may have decided before it crashed. */
  const unsentBy = new Map<number, Views>()

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
          late: isAmong(unsentBy.get(signer) ?? NONE, statement),
        })
    if (own !== undefined) return `seat ${signer}, ${nameOf(statement)}: ${own}`
    if (!unbound.has(signer)) ballots.reach(statement.epoch, statement.view)
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
      reason = badGround(ballots, { epoch, view: at, on, unsent })
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
      unsent = ballots.until()
      unsentBy.set(seat, unsent)
      return undefined
    },
  }
}

function nameOf({ epoch, view }: Statement): string {
  return `epoch ${epoch} view ${view}`
}

/** Why nothing may stand there in a view, by what was signed in views that are not among `unsent`. */
function badGround(
  ballots: Ballots,
  place: { readonly epoch: number; readonly view: number; readonly on: Ground; readonly unsent: Views },
): string | undefined {
  const { epoch, view, on, unsent } = place
  for (let between = on.view + 1; between < view; between++)
    if (!isAmong(unsent, { epoch, view: between }) && !ballots.of(epoch, between).nullified)
      return `skipped view ${between}, which nobody could prove nullified`
  if (on.view === 0 || isAmong(unsent, { epoch, view: on.view })) return undefined
  const below = ballots.of(epoch, on.view)
  if (isCertified(below, 'notarization', on.digest) || isCertified(below, 'finalization', on.digest)) return undefined
  return `built on ${short(on.digest)} of view ${on.view}, which was not notarised`
}
