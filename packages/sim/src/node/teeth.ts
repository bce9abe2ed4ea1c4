import { parseArgs } from 'node:util'
import { ATTACK_BUGS } from './planted/attack-bugs.ts'
import { ENGINE_BUGS } from './planted/engine-bugs.ts'
import { hunt } from './planted/hunt.ts'
import { SHARD_BUGS } from './planted/shard-bugs.ts'
import { WHOLE_BUGS } from './planted/whole-bugs.ts'

/**
 * Hunts every planted bug, or those that are named, and prints where each was found, a JSON object a line. Exit status 1
 * if one was not found, or if the sound engine fails where it was. `--near`: begins close to where each is known to be.
 */
const BUGS = [...ENGINE_BUGS, ...SHARD_BUGS, ...WHOLE_BUGS, ...ATTACK_BUGS]
const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { near: { type: 'boolean', default: false } },
})
for (const name of positionals)
  if (!BUGS.some((bug) => bug.name === name)) {
    console.error(`there is no planted bug "${name}"; there are ${BUGS.map((bug) => bug.name).join(', ')}`)
    process.exit(2)
  }
let lost = 0
for (const bug of BUGS) {
  if (positionals.length > 0 && !positionals.includes(bug.name)) continue
  const found = await hunt(bug, values.near ? bug.firstSeed : 1)
  if (found.seed === undefined || found.control !== undefined) lost++
  console.log(JSON.stringify(found))
}
process.exitCode = lost === 0 ? 0 : 1
