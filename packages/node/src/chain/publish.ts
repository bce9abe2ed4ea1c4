import { formatAddress, headCodec, headHash, toHex } from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import type { RpcServer } from '../rpc/server.ts'
import type { StoredBlock } from './history.ts'
import type { NodeParts } from './node-parts.ts'
import { storedReceipt } from './queries.ts'
import { headView } from './views.ts'

/** Tells waiters and subscribers of a durable block; builds nothing that nobody asked for. */
export function publishBlock(parts: NodeParts, rpc: RpcServer | undefined, { executed, shard }: SealedBlock): void {
  const { waiters, runtime } = parts
  if (waiters.any) {
    for (const { id } of executed.transactions) waiters.tell(toHex(id))
    for (const { head } of executed.anchors) waiters.tell(`anchor:${head.shard.vShard}:${head.height}`)
    if (shard.vShard === 0) waiters.tell(`anchor:0:${executed.height}`)
  }
  if (rpc === undefined) return
  if (rpc.wants('heads')) rpc.publish('heads', { vShard: shard.vShard, result: headView(executed.head, executed.hash) })
  if (rpc.wants('anchors')) {
    for (const { head } of executed.anchors) {
      rpc.publish('anchors', {
        vShard: head.shard.vShard,
        result: { ...headView(head, headHash(headCodec.encode(head))), mainHeight: executed.height },
      })
    }
  }
  if (rpc.wants('receipts') || rpc.wants('events'))
    void publishReceipts(parts, rpc, shard.vShard, executed.height).catch(() => undefined)

  async function publishReceipts(
    { history }: NodeParts,
    server: RpcServer,
    vShard: number,
    height: number,
  ): Promise<void> {
    const stored = await history.block(vShard, height)
    for (const [index, id] of stored?.ids.entries() ?? []) {
      const receipt = await storedReceipt(parts, stored as StoredBlock, index)
      const prepared = executed.transactions[index]
      const addresses =
        prepared === undefined
          ? []
          : [formatAddress({ account: prepared.account, vShard }, runtime.scheme.addressPrefix)]
      const about = { vShard, addresses, txId: toHex(id) }
      server.publish('receipts', { ...about, result: receipt })
      for (const event of receipt.events)
        server.publish('events', { ...about, result: { ...event, txId: receipt.txId, vShard, height } })
    }
  }
}
