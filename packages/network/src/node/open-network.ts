import type { Network } from '../network.ts'
import { type NetworkOptions, resolveOptions } from './options.ts'
import { startWorker } from './start-worker.ts'
import { ThreadNetwork } from './thread-network.ts'

/**
 * Opens a node's network: libp2p in a thread of its own, so that neither keeps the other waiting. It is started again if
 * it crashes, and joins, opens and serves all that it did.
 *
 * @throws ArmError ARM_ARGUMENT for options that are wrong, ARM_NETWORK if it cannot start, such as on an address in use.
 */
export async function openNetwork(options: NetworkOptions): Promise<Network> {
  const events = { log: options.log ?? (() => {}), onFailure: options.onFailure ?? (() => {}) }
  const network = new ThreadNetwork(resolveOptions(options), events, startWorker)
  await network.ready
  return network
}
