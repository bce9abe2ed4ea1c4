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
export {
  type CallRequest,
  type ChainContext,
  createWallet,
  encodeArgs,
  fetchChainContext,
  type SendOptions,
  type Wallet,
} from './wallet.ts'
export { createLightClient, type LightClient, type TrustedRoot, trustedRoot, trustOnFirstUse } from './light-client.ts'
export type { RpcSubscription } from './rpc-socket.ts'
export type { Finality, Network, Receipt, RpcMethods, Trace } from './rpc-schema.ts'
