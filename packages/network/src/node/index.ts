export { openNetwork } from './open-network.ts'
export { createLibp2pNetwork } from './create-libp2p-network.ts'
export type { NetworkLimits, NetworkLog, NetworkOptions, NetworkRole } from './options.ts'
