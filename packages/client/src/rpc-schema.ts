/**
 * The RPC interface as one schema: it validates what comes in, types client and server, and documents itself as
 * OpenRPC. Params are a named object; the same in declared order is accepted as an array.
 */
import type { ErrorCode } from '@armchain/core'
import { type Static, Type } from 'typebox'
import { devMethod, method } from './rpc-method.ts'
import {
  AccountProofShape,
  AccountShape,
  Address,
  AnchorProofShape,
  Any,
  BlockShape,
  FeesShape,
  FinalityShape,
  Flag,
  Hash,
  HashInput,
  HeadShape,
  Height,
  Integer,
  MessageProofShape,
  MINE_MAX,
  Motes,
  NetShape,
  NetworkShape,
  OFFENCES_MAX,
  OffencesShape,
  PoolShape,
  type ReadonlyDeep,
  ReceiptShape,
  StatusShape,
  SupplyShape,
  Text,
  TopicShape,
  TraceShape,
  TransactionShape,
  VShard,
  WAIT_MS_MAX,
} from './rpc-shapes.ts'

export { type ParamsCheck, paramsCheck } from './rpc-check.ts'
export { COMMON_ERRORS, type RpcMethod, rpcErrorNumber } from './rpc-method.ts'
export { type OpenRpcDocument, openRpcDocument } from './rpc-openrpc.ts'
export type {
  AccountProofResult,
  AccountState,
  AnchorProofResult,
  BlockResult,
  Fees,
  Finality,
  HeadResult,
  MessageProofResult,
  Net,
  Network,
  Offences,
  Pool,
  Receipt,
  Status,
  SupplyResult,
  Topic,
  Trace,
  TransactionResult,
} from './rpc-shapes.ts'

const TX_ERRORS = [
  'ARM_TX_DECODE',
  'ARM_TX_TOO_LARGE',
  'ARM_TX_VERSION',
  'ARM_TX_CHAIN',
  'ARM_TX_SHARD',
  'ARM_TX_SIGNATURE',
  'ARM_TX_KEY',
  'ARM_TX_NONCE_LOW',
  'ARM_TX_NONCE_GAP',
  'ARM_TX_FUNDS',
  'ARM_TX_EXPIRED',
  'ARM_TX_EXPIRY_FAR',
  'ARM_TX_CALL_UNKNOWN',
  'ARM_TX_CALL_ARGS',
  'ARM_TX_FEE_LOW',
  'ARM_TX_GAS_LOW',
  'ARM_TX_GAS_HIGH',
  'ARM_TX_DUPLICATE',
  'ARM_TX_UNDERPRICED',
  'ARM_POOL_FULL',
  'ARM_POOL_ACCOUNT_FULL',
] as const satisfies readonly ErrorCode[]

const TxId = () => HashInput('Transaction id')
const TxIdResult = Type.Object({ txId: Hash('Transaction id: hash of the bytes') })

const chainMethods = {
  arm_network: method('What a client must know to sign and to check', {}, NetworkShape, []),
  arm_scheme: method('The scheme of the chain', {}, Any('The scheme'), []),
  arm_status: method('How the node is doing', {}, StatusShape, []),
  arm_sendTransaction: method(
    'Hands a signed transaction to the pool',
    { raw: Type.String({ description: 'Encoded transaction, hex', pattern: '^(0x)?[0-9a-fA-F]*$' }) },
    TxIdResult,
    ['ARM_HEX', ...TX_ERRORS],
  ),
  arm_getAccount: method('Balance and nonce', { address: Address() }, AccountShape, ['ARM_ADDRESS', 'ARM_TX_SHARD']),
  arm_getAccountProof: method(
    'The account with a proof against a certified head, of presence or of absence',
    { address: Address() },
    AccountProofShape,
    ['ARM_ADDRESS', 'ARM_TX_SHARD'],
  ),
  arm_getAnchorProof: method(
    'Answers once a durable main-shard block has anchored a head of a vShard, with the proof of it',
    {
      vShard: VShard(),
      height: Height(),
      timeoutMs: Type.Optional(Integer('Longest wait', WAIT_MS_MAX)),
    },
    AnchorProofShape,
    ['ARM_NOT_FOUND', 'ARM_TX_SHARD', 'ARM_ARGUMENT', 'ARM_RPC_TIMEOUT'],
  ),
  arm_getMessageProof: method(
    'The cross-shard messages of a trace with proofs against anchored heads',
    { traceId: HashInput('Trace id') },
    MessageProofShape,
    ['ARM_NOT_FOUND'],
  ),
  arm_query: method(
    'Asks a module, after the latest block',
    { vShard: VShard(), module: Text('Module'), query: Text('Query'), args: Type.Optional(Any('Arguments')) },
    Any('Answer by the schema of the query'),
    ['ARM_TX_SHARD', 'ARM_NOT_FOUND', 'ARM_ARGUMENT', 'ARM_HEX'],
  ),
  arm_getTransaction: method('A transaction, waiting or included', { txId: TxId() }, TransactionShape, [
    'ARM_NOT_FOUND',
  ]),
  arm_getReceipt: method('What became of a transaction', { txId: TxId() }, ReceiptShape, ['ARM_NOT_FOUND']),
  arm_waitForReceipt: method(
    'Answers once the transaction is in a durable block',
    {
      txId: TxId(),
      timeoutMs: Type.Optional(Integer('Longest wait', WAIT_MS_MAX)),
      finality: Type.Optional(FinalityShape),
    },
    ReceiptShape,
    ['ARM_RPC_TIMEOUT', 'ARM_POOL_EVICTED', 'ARM_TX_EXPIRED', 'ARM_CHAIN_REVERTED'],
  ),
  arm_getBlock: method(
    'A block by height or hash; the latest without either',
    {
      vShard: VShard(),
      height: Type.Optional(Height()),
      hash: Type.Optional(HashInput('Hash of the head')),
      full: Type.Optional(Flag('Whole transactions instead of ids')),
    },
    BlockShape,
    ['ARM_NOT_FOUND', 'ARM_TX_SHARD'],
  ),
  arm_getHead: method(
    'A certified head; the latest without a height',
    { vShard: VShard(), height: Type.Optional(Height()) },
    HeadShape,
    ['ARM_NOT_FOUND', 'ARM_TX_SHARD'],
  ),
  arm_getFees: method('What to offer for gas', { vShard: VShard() }, FeesShape, ['ARM_TX_SHARD']),
  arm_getSupply: method('Where all motes are', {}, SupplyShape, []),
  arm_trace: method(
    'What a transaction caused on all shards, in order of time',
    { id: HashInput('Transaction or trace id') },
    TraceShape,
    ['ARM_NOT_FOUND'],
  ),
  arm_getOffences: method(
    'Validators that contradicted themselves, as the main shard has recorded, oldest first',
    {
      from: Type.Optional(Integer('Offences to pass over')),
      limit: Type.Optional(Type.Integer({ description: 'Most to answer', minimum: 1, maximum: OFFENCES_MAX })),
    },
    OffencesShape,
    ['ARM_NOT_FOUND'],
  ),
  arm_net: method('How the node that answers is connected: its peers, topics and channels', {}, NetShape, [
    'ARM_NOT_FOUND',
  ]),
  arm_getPool: method('The pool of one vShard', { vShard: VShard() }, PoolShape, ['ARM_TX_SHARD']),
}

const streamMethods = {
  arm_subscribe: method(
    'Begins notifications `arm_subscription {subscription, topic, result}`; over WebSocket only. An address hears what it sends and what it is sent',
    {
      topic: TopicShape,
      vShard: Type.Optional(VShard('Only of this vShard')),
      address: Type.Optional(Address('Only what names this address')),
      txId: Type.Optional(HashInput('Only what names this transaction')),
    },
    Text('Subscription id'),
    ['ARM_RPC_SUBSCRIPTION', 'ARM_ADDRESS'],
  ),
  arm_unsubscribe: method(
    'Ends notifications',
    { subscription: Text('Subscription id') },
    Flag('False if there was no such subscription'),
    ['ARM_RPC_SUBSCRIPTION'],
  ),
  'rpc.discover': method('This document', {}, Type.Unsafe<object>({ type: 'object' }), []),
}

const ValidatorNumber = (description: string) => Integer(description, 1023)
const ValidatorStateShape = Type.Union([Type.Literal('running'), Type.Literal('paused'), Type.Literal('down')])
const ValidatorShape = Type.Object({
  validator: ValidatorNumber('Its number'),
  state: ValidatorStateShape,
  rpcUrl: Text('Where it answers; empty while it is down'),
  heights: Type.Array(Type.Object({ vShard: VShard(), height: Height() })),
})

const devMethods = {
  dev_faucet: devMethod(
    'Sends motes from the faucet account',
    { address: Address(), amountMotes: Type.Optional(Motes('Amount')) },
    TxIdResult,
    ['ARM_ADDRESS', 'ARM_TX_SHARD', 'ARM_FAUCET'],
  ),
  dev_mine: devMethod(
    'Makes blocks now, on every vShard',
    { count: Type.Optional(Type.Integer({ description: 'Rounds', minimum: 1, maximum: MINE_MAX })) },
    Type.Object({ heights: Type.Array(Type.Object({ vShard: VShard(), height: Height() })) }),
    [],
  ),
  dev_snapshot: devMethod('Remembers the chain as it is', {}, Type.Object({ snapshotId: Text('Snapshot') }), []),
  dev_revert: devMethod(
    'Returns to a snapshot; later blocks and snapshots are lost',
    { snapshotId: Text('Snapshot') },
    Type.Object({ reverted: Type.Literal(true) }),
    ['ARM_NOT_FOUND'],
  ),
  dev_setBlockTime: devMethod(
    'Time between blocks; 0 makes them on demand only',
    { blockTimeMs: Integer('Milliseconds', 3_600_000) },
    Type.Object({ blockTimeMs: Integer('In force now') }),
    [],
  ),
  dev_validators: devMethod(
    'The validators of a testnet of several, and how far each is',
    {},
    Type.Object({ self: ValidatorNumber('Who answers'), validators: Type.Array(ValidatorShape) }),
    [],
  ),
  dev_fault: devMethod(
    'Ends a validator as a crash would, starts it again, or has it stand still and go on',
    {
      validator: ValidatorNumber('Which'),
      action: Type.Union(
        [Type.Literal('kill'), Type.Literal('restart'), Type.Literal('pause'), Type.Literal('resume')],
        { description: 'What to do with it' },
      ),
    },
    Type.Object({ validator: ValidatorNumber('Which'), state: ValidatorStateShape }),
    ['ARM_NOT_FOUND', 'ARM_ARGUMENT'],
  ),
  dev_partition: devMethod(
    'Validators of different groups do not hear each other any more; one that is in none hears all',
    {
      groups: Type.Array(Type.Array(ValidatorNumber('A member'), { maxItems: 64 }), {
        description: 'Groups of validators',
        maxItems: 64,
      }),
    },
    Type.Object({ groups: Type.Array(Type.Array(ValidatorNumber('A member'))) }),
    ['ARM_NOT_FOUND', 'ARM_ARGUMENT'],
  ),
  dev_heal: devMethod('Ends every partition', {}, Type.Object({ healed: Type.Literal(true) }), []),
}

export const rpcMethods = { ...chainMethods, ...streamMethods, ...devMethods }

export type RpcMethodName = keyof typeof rpcMethods

/** Params and result of each method, as the schema has them. */
export type RpcMethods = {
  readonly [Name in RpcMethodName]: {
    readonly params: ReadonlyDeep<Static<(typeof rpcMethods)[Name]['params']>>
    readonly result: ReadonlyDeep<Static<(typeof rpcMethods)[Name]['result']>>
  }
}

export type RpcParams<Name extends RpcMethodName> = RpcMethods[Name]['params']
export type RpcResult<Name extends RpcMethodName> = RpcMethods[Name]['result']

/** Method that carries what subscriptions are told. */
export const SUBSCRIPTION_METHOD = 'arm_subscription'
