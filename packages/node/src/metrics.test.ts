import { expect, test } from 'vitest'
import { createMetrics } from './metrics.ts'

test('what is counted is in the text, with its labels', async () => {
  const metrics = createMetrics()
  metrics.rpc.answered('arm_status', 'ok', 2, 0.001)
  metrics.rpc.answered('arm_status', 'ARM_RPC_BUSY', 1, 0)
  metrics.rpc.submitted('ARM_TX_FUNDS', 3)
  metrics.rpc.connections('ws', 1)
  metrics.block({ shard: '1', height: 9, transactions: 40, imports: 2, gasUsed: 100, sizeBytes: 50, seconds: 0.02 })
  metrics.observe(() => ({
    shards: [
      {
        shard: '1',
        anchoredHeight: 8,
        poolTransactions: 5,
        accounts: 6,
        candidates: 2,
        engine: [{ name: 'votes', size: 7 }],
      },
    ],
    walBytes: 77,
    archiveBacklogBytes: 0,
    cutOffs: 1,
  }))
  const text = await metrics.text()
  for (const line of [
    'armchain_rpc_requests_total{method="arm_status",outcome="ok"} 2',
    'armchain_rpc_requests_total{method="arm_status",outcome="ARM_RPC_BUSY"} 1',
    'armchain_rpc_seconds_count{method="arm_status"} 2',
    'armchain_submitted_transactions_total{outcome="ARM_TX_FUNDS"} 3',
    'armchain_rpc_connections{kind="ws"} 1',
    'armchain_block_height{shard="1"} 9',
    'armchain_transactions_total{shard="1"} 40',
    'armchain_anchored_height{shard="1"} 8',
    'armchain_pool_transactions{shard="1"} 5',
    'armchain_wal_bytes 77',
    'armchain_candidate_blocks{shard="1"} 2',
    'armchain_engine_items{shard="1",what="votes"} 7',
    'armchain_peer_cut_offs 1',
  ])
    expect(text).toContain(`${line}\n`)
  expect(text).toMatch(/armchain_event_loop_lag_p99_seconds \d/)
  expect(text).toMatch(/armchain_process_resident_bytes \d{6,}/)
  metrics.close()
})

test('two nodes in one process do not share numbers', async () => {
  const [one, other] = [createMetrics(), createMetrics()]
  one.rpc.submitted('ok', 1)
  expect(await other.text()).not.toMatch(/armchain_submitted_transactions_total\{/)
  one.close()
  other.close()
})
