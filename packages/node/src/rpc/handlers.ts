import type { RpcMethodName, RpcParams, RpcResult } from '@armchain/client/rpc-schema'
import type { Subscriber } from './subscriptions.ts'

/** Answered by the server itself. */
export type BuiltInMethod = 'arm_sendTransaction' | 'arm_subscribe' | 'arm_unsubscribe' | 'rpc.discover'

export type RpcContext = {
  /** Aborted when the client has gone or the server closes: end what only waits. */
  readonly signal: AbortSignal
  /** Where subscriptions of this caller go; absent over HTTP. */
  readonly subscriber: Subscriber | undefined
  /**
   * Awaits what takes no work of the node, and lets other calls run meanwhile. Throws `ARM_RPC_BUSY` where the caller
   * waits for too much already.
   */
  wait<Value>(awaited: Promise<Value>): Promise<Value>
}

export type RpcHandler<Name extends RpcMethodName> = (
  params: RpcParams<Name>,
  context: RpcContext,
) => RpcResult<Name> | Promise<RpcResult<Name>>

/** What a node answers; a method without a handler is refused, a dev_ method with ARM_DEV_ONLY. */
export type RpcHandlers = {
  readonly [Name in Exclude<RpcMethodName, BuiltInMethod>]?: RpcHandler<Name>
}
