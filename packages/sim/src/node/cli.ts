import { isArmError } from '@armchain/core'
import { runCommandLine } from './command-line.ts'

try {
  process.exitCode = runCommandLine(process.argv.slice(2))
} catch (error) {
  if (!isArmError(error)) throw error
  console.error(`${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`)
  process.exitCode = 2
}
