import { parentPort, workerData } from 'node:worker_threads'
import { invariant } from '@armchain/core'
import { composeNetwork } from './compose-network.ts'
import { NetworkThread } from './network-thread.ts'
import type { ResolvedOptions } from './options.ts'

invariant(parentPort !== null, 'this module is a thread')
const thread = new NetworkThread(parentPort)
// Somewhere in a stack of this size a promise is rejected that nobody looks at, such as a time-out after its
// connection is gone. It is worth a line in the log, not the node.
process.on('unhandledRejection', (error) =>
  thread.log('warn', 'a rejection that nobody handled', { error: String(error) }),
)
const { network } = await composeNetwork(workerData as ResolvedOptions, thread.log)
thread.serve(network)
