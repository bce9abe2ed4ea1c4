import type { StageRule } from './attribute.ts'

/** The stages of a transfer on the main thread, by the files that carry them out; the first rule that fits counts. */
export const MAIN_RULES: readonly StageRule[] = [
  { stage: 'decode', files: ['core/src/runtime/admission.ts'], functions: ['prepareTransaction', 'checkIdentity'] },
  {
    stage: 'decode',
    files: ['core/src/runtime/flat-transaction.ts', 'node/src/chain/intake.ts'],
    functions: ['#decode'],
  },
  { stage: 'decode', files: ['core/src/runtime/transaction-reader.ts'] },
  {
    stage: 'hand to verifiers and back',
    files: ['core/src/node/verify-pool.ts', 'node:internal/worker', 'messageport'],
  },
  { stage: 'pool', files: ['shard/src/tx-pool.ts', 'node/src/chain/intake.ts', 'node/src/chain/parked.ts'] },
  { stage: 'pool', files: ['shard/src/chain-machine'], functions: ['admit'] },
  { stage: 'pool', files: ['node/src/chain/pending.ts'] },
  {
    stage: 'execute',
    files: [
      'core/src/runtime/',
      'core/src/modules/',
      'shard/src/execute.ts',
      'shard/src/imports.ts',
      'shard/src/anchors.ts',
      'shard/src/outbox.ts',
      'shard/src/mailbox',
    ],
  },
  { stage: 'execute', files: ['shard/src/chain.ts'], functions: ['takeTransactions', 'takeImports', 'takeAnchors'] },
  { stage: 'state tree', files: ['core/src/state/sparse-tree.ts', 'core/src/state/shard-state.ts'] },
  { stage: 'execute', files: ['core/src/state/account-table.ts'] },
  {
    stage: 'block: roots and bytes',
    files: ['core/src/state/merkle-list.ts', 'core/src/chain/block.ts', 'shard/src/chain.ts'],
  },
  { stage: 'block: roots and bytes', files: ['shard/src/payload.ts', 'shard/src/chain-machine', 'consensus/src/'] },
  { stage: 'log', files: ['node/src/storage/wal', 'node/src/storage/disk.ts', 'node:internal/fs'] },
  {
    stage: 'history',
    files: ['node/src/chain/history.ts', 'node/src/storage/archive', 'node/src/chain/stored-block.ts'],
  },
  { stage: 'publish and answer', files: ['node/src/chain/', 'node/src/rpc/subscriptions.ts', 'node/src/node.ts'] },
  {
    stage: 'receive and reply',
    files: ['node/src/rpc/', 'node:_http', 'node:net', 'node:internal/streams', 'node:internal/http'],
  },
  {
    stage: 'receive and reply',
    files: ['node:internal/stream_base_commons', 'node:internal/url', 'node:buffer', 'node:events', 'client/src/'],
  },
  { stage: 'event loop', files: ['node:internal/'] },
]

export const VERIFY_RULES: readonly StageRule[] = [
  { stage: 'verify: signatures', files: ['ed25519-batch/', 'wasm://'] },
  { stage: 'verify: ids, accounts, messages', files: ['core/src/node/verify-worker.ts', 'node:internal/'] },
]

export const HISTORY_RULES: readonly StageRule[] = [
  { stage: 'history thread: compress', files: ['node:zlib'] },
  { stage: 'history thread: index', files: ['storage/tx-index', 'storage/archive-index'] },
  { stage: 'history thread: write', files: ['storage/archive', 'classic-level', 'abstract-level', 'node:'] },
]
