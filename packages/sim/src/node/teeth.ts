import { ENGINE_BUGS } from './planted/engine-bugs.ts'
import { hunt } from './planted/hunt.ts'

/** Hunts every planted bug, or those that are named, and says at which seed each was found. Exit status 1 if one was not. */
const wanted = process.argv.slice(2)
let lost = 0
for (const bug of ENGINE_BUGS) {
  if (wanted.length > 0 && !wanted.includes(bug.name)) continue
  const found = await hunt(bug)
  if (found.seed === undefined) lost++
  console.log(JSON.stringify(found))
}
process.exitCode = lost === 0 ? 0 : 1
