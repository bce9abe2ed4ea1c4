export {
  type BatchCall,
  type BatchOutcomes,
  type BulkResult,
  type CallOptions,
  createRpcClient,
  rawParam,
  type RpcClient,
  type RpcClientOptions,
} from './rpc-client.ts'
export { createWallet, type SendOptions, type Wallet, type WalletOptions } from './wallet.ts'
export { type CallRequest, type ChainContext, encodeArgs, fetchChainContext } from './chain-context.ts'
export { createLightClient, type LightClient, type LightClientOptions } from './light-client.ts'
export { type TrustedRoot, trustedRoot, trustOnFirstUse, verifyHead } from './trusted-root.ts'
export { type MessageProof, type ProvenMessage, verifyMessageProof } from './message-proof.ts'
export { verifyAnchorProof } from './anchor-proof.ts'
export type { RpcSubscription } from './rpc-socket.ts'
export type { Finality, Net, Network, Offences, Receipt, RpcMethods, Trace } from './rpc-schema.ts'
