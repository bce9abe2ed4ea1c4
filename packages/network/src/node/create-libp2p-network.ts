import type { Network } from '../network.ts'
import { type NetworkOptions, resolveOptions } from './options.ts'

/** A network in the thread of the caller: for many in one process. A node opens one in a thread (`openNetwork`). */
export async function createLibp2pNetwork(options: NetworkOptions): Promise<Network> {
  const resolved = resolveOptions(options)
  // Loaded here, so that whoever has it in a thread does not pay for it twice: a second of a processor, and its memory.
  const { composeNetwork } = await import('./compose-network.ts')
  const { network } = await composeNetwork(resolved, options.log ?? (() => {}))
  return network
}
