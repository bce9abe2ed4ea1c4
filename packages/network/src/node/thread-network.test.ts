import { randomBytes } from 'node:crypto'
import { MessageChannel } from 'node:worker_threads'
import { test } from 'vitest'
import { networkAcceptance } from '../testing/index.ts'
import { composeNetwork } from './compose-network.ts'
import { NetworkThread } from './network-thread.ts'
import { resolveOptions } from './options.ts'
import { realTime } from './real-time.fixture.ts'
import type { StartThread } from './start-worker.ts'
import { ThreadNetwork } from './thread-network.ts'

/**
 * Both ends in one thread, with a real port between them: fifty threads would take more than a minute to load the same
 * code. Real ones are in thread-crash.test.ts.
 */
const startHere: StartThread = (options) => {
  const { port1, port2 } = new MessageChannel()
  const far = new NetworkThread(port2)
  const composed = composeNetwork(options, far.log).then(({ network }) => {
    far.serve(network)
    return network
  })
  return {
    port: port1,
    onEnd: (listener) => port1.on('close', () => listener(undefined)),
    async terminate() {
      await (await composed).close()
      port1.close()
    },
  }
}

async function open(limits: { readonly inFlightMax: number }): Promise<ThreadNetwork> {
  const options = resolveOptions({ secretKey: randomBytes(32), networkId: 'suite', limits })
  const network = new ThreadNetwork(options, { log: () => {}, onFailure: () => {} }, startHere)
  await network.ready
  return network
}

test.each(networkAcceptance)('$name', ({ run }) =>
  run({ ...realTime, open: (count, limits) => Promise.all(Array.from({ length: count }, () => open(limits))) }),
)
