import { attackScenario } from '../../attacks.ts'
import type { AttackName } from '../../scenario.ts'
import { at, noInvariants, type PlantedBug } from './engine-bugs.ts'
import type { Patch } from './plant.ts'

/** The engine without its defence against a named attack: the attack must do the harm that it is said to do. */
const undefended = (attack: AttackName, what: string, patches: readonly Patch[]): PlantedBug => ({
  name: `attack-${attack}`,
  what,
  engine: 'simplex',
  nodes: 4,
  firstSeed: 1,
  seedsMax: 10,
  patches,
  bend: ({ seed }) => attackScenario(attack, seed),
})

export const ATTACK_BUGS: readonly PlantedBug[] = [
  undefended('old-certificates', 'what was decided long ago is taken for news', [
    at(
      'simplex/certificates.ts',
      '  if (view <= floor.view) return view',
      '  if (view < floor.view - 8) return true\n  if (view <= floor.view) return view',
    ),
  ]),
  undefended('withheld-payload', 'a notarised block that is not at hand is refused, not asked for', [
    at(
      'simplex/certify.ts',
      '      wantBlock(state, round.notarization.link as Uint8Array, round.leader)\n      continue\n',
      "      settle(state, round, 'no')\n      return true\n",
    ),
  ]),
  undefended('nullify-flood', 'votes of any view to come are kept', [
    at(
      'simplex/votes.ts',
      'return view > state.floor.view && view >= state.view - TALLY_VIEWS_MAX && view <= state.view + 1',
      'return view > state.floor.view && view >= state.view - TALLY_VIEWS_MAX',
    ),
  ]),
  undefended('split-certificate', 'a nullified view is finalised when its notarization comes', [
    ...noInvariants,
    at(
      'simplex/certify.ts',
      '!mayVote(state, view) || mine.nullify || mine.finalize',
      '!mayVote(state, view) || mine.finalize',
    ),
  ]),
  undefended('wrong-epoch-votes', 'votes hold in every epoch', [
    at(
      'statement.ts',
      'const place = concatBytes(shardKeyCodec.encode(shard), u64(epoch))',
      'const place = concatBytes(shardKeyCodec.encode(shard), u64(epoch * 0))',
    ),
    at(
      'simplex/simplex.ts',
      'if (message.epoch !== state.config.epoch.number || from === state.self) return false',
      'if (from === state.self) return false',
    ),
  ]),
  undefended('oversized-messages', 'nobody is told who sends what is malformed', [
    at('simplex/peers.ts', "  state.effects.push({ type: 'misconduct', peer, reason })\n", ''),
  ]),
  undefended('finalize-and-nullify', 'a seat that signs two ways is not reported', [
    at('simplex/votes.ts', "state.effects.push({ type: 'evidence', bytes: encodeEvidence(a, [a, b]) })", ''),
  ]),
  undefended('silent-leaders', 'a leader that is silent is waited for', [
    at('simplex/views.ts', 'if (!late && !round?.giveUp) return false', 'if (!round?.giveUp) return false'),
  ]),
  undefended('eclipse', 'signatures of certificates are not checked', [
    at(
      'simplex/certificates.ts',
      'return committee.scheme.verifyProof(keys, statements(kind, view, link), proof)',
      'return keys.length > 0',
    ),
  ]),
  undefended('flood', 'bytes that are no message end the process', [
    at('simplex/messages.ts', '    if (isArmError(error)) return undefined\n    throw error\n', '    throw error\n'),
  ]),
]
