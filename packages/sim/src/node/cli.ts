import { setFlagsFromString } from 'node:v8'
import { isArmError } from '@armchain/core'
import { runCommandLine } from './command-line.ts'

// A simulation makes garbage that dies young: a nursery that grows at once halves the collector's part.
setFlagsFromString('--semi-space-growth-factor=32')

try {
  process.exitCode = runCommandLine(process.argv.slice(2))
} catch (error) {
  if (!isArmError(error)) throw error
  console.error(`${error.message}${error.hint === undefined ? '' : `\n${error.hint}`}`)
  process.exitCode = 2
}
