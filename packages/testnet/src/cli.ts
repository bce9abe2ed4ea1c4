import { setFlagsFromString } from 'node:v8'
import { runCommand } from './commands/run.ts'

// A node under load makes much garbage that dies young. V8 starts with a nursery of 1 MiB and doubles it at each
// survival, copying what waits again and again; growing at once to its usual maximum halves the main thread's work.
setFlagsFromString('--semi-space-growth-factor=32')

process.exitCode = await runCommand(process.argv.slice(2))
