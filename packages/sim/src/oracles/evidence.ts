import { type Evidence, verifyEvidence } from '@armchain/consensus'
import type { ClusterKeys } from '../cluster-keys.ts'
import type { Host } from '../host.ts'
import type { MessageLens, VoteStatement } from '../lens.ts'
import type { Fact } from '../node-port.ts'
import type { Oracle } from '../oracle.ts'
import { type Scenario, unboundSeats } from '../scenario.ts'
import { honestHosts } from '../world.ts'
import { heightOf } from './liveness.ts'

/** Contradictions that were heard before some of them must have been told of: one may come too late to count. */
const HEARD_MIN = 12

/**
 * Whoever is accused is guilty, and who contradicts itself is accused: no evidence names a seat that keeps its votes, and
 * where correct hosts have heard many pairs of contradicting votes, in views that nobody had decided, one of them has told.
 */
export function evidence(scenario: Scenario, keys: ClusterKeys, lens: MessageLens): Oracle {
  const unbound = unboundSeats(scenario)
  const heard = new Map<number, Map<number, Votes>>()
  let contradictions = 0
  let told = 0
  /** Latest view that a correct host has voted to finalise: what is heard of it later may be too late to count. */
  let decided = { epoch: 0, view: 0 }

  function hear(host: Host, { epoch, view, kind, digest, signer }: VoteStatement): void {
    // Of another epoch than its own, an engine takes nothing.
    if (epoch !== epochOf(host)) return
    const perHost = heard.get(host.index) ?? new Map<number, Votes>()
    heard.set(host.index, perHost)
    const known = perHost.get(signer)
    if (known !== undefined && (known.epoch > epoch || (known.epoch === epoch && known.view > view))) return
    const votes: Votes = known?.epoch === epoch && known.view === view ? known : { epoch, view }
    perHost.set(signer, votes)
    const before = votes[kind]
    votes[kind] = digest
    const contradicts =
      before !== undefined
        ? before !== digest
        : votes.finalize !== undefined && votes.nullify !== undefined && kind !== 'notarize'
    const late = epoch < decided.epoch || (epoch === decided.epoch && view <= decided.view)
    if (contradicts && !late) contradictions++
  }

  function epochOf(host: Host): number {
    const { epochBlocks } = scenario
    return epochBlocks === 0 ? 0 : Math.floor(heightOf(host) / epochBlocks)
  }

  /** A proposal of who does not lead is refused before anyone looks at its signature. */
  function isUsurped({ epoch, view, signer, on }: VoteStatement): boolean {
    return on !== undefined && lens.leader !== undefined && lens.leader(epoch, view) !== signer
  }

  return {
    name: 'evidence',
    sent(host: Host, _to: number | 'all', bytes: Uint8Array) {
      if (unbound.size === 0 || unbound.has(host.seat)) return undefined
      for (const { type, kind, epoch, view } of lens.read(bytes, host.seat)) {
        const later = epoch > decided.epoch || (epoch === decided.epoch && view > decided.view)
        if (type === 'vote' && kind === 'finalize' && later) decided = { epoch, view }
      }
      return undefined
    },
    received(host: Host, from: number, bytes: Uint8Array) {
      if (!unbound.has(from) || unbound.has(host.seat)) return
      for (const statement of lens.read(bytes, from))
        if (statement.type === 'vote' && !isUsurped(statement)) hear(host, statement)
    },
    told(host: Host, fact: Fact) {
      if (fact.type !== 'evidence' || unbound.has(host.seat)) return undefined
      const shown = show(fact.bytes, keys)
      if (shown === undefined) return 'evidence that shows nothing'
      told++
      if (unbound.has(shown.signer)) return undefined
      return `seat ${shown.signer} is correct, and accused of its votes in epoch ${shown.epoch} view ${shown.view}`
    },
    ended(view) {
      if (told > 0 || contradictions < HEARD_MIN || honestHosts(view).length === 0) return undefined
      return `${contradictions} pairs of contradicting votes were heard, and nobody told of one`
    },
  }
}

type Votes = { readonly epoch: number; readonly view: number; notarize?: string; nullify?: string; finalize?: string }

/** The evidence, if it holds in the epoch that it names. */
function show(bytes: Uint8Array, { genesisHash, shard, committee }: ClusterKeys): Evidence | undefined {
  // Epochs of one run are few, and evidence is rare.
  for (let epoch = 0; epoch < EPOCHS_MAX; epoch++) {
    const context = { genesisHash, schemaVersion: 1, shard, epoch }
    const outcome = verifyEvidence(bytes, { context, committee })
    if (outcome.ok) return outcome.value
  }
  return undefined
}

const EPOCHS_MAX = 1_000
