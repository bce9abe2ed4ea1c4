import { setFlagsFromString } from 'node:v8'
import { prepareArchiveThread } from '@armchain/node/archive-thread'

// A node under load makes much garbage that dies young. V8 starts with a nursery of 1 MiB and doubles it at each
// survival, copying what waits again and again; growing at once to its usual maximum halves the main thread's work.
setFlagsFromString('--semi-space-growth-factor=32')

const argv = process.argv.slice(2)
// The history's thread starts while this one loads everything else.
if (argv[0] === 'testnet' || argv[0] === 'node') prepareArchiveThread()
const { runCommand } = await import('./commands/run.ts')
process.exitCode = await runCommand(argv)
