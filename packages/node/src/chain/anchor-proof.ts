import type { AnchorProofResult, RpcParams } from '@armchain/client/rpc-schema'
import { ArmError, headCodec, isArmError, MAIN_VSHARD, toHex } from '@armchain/core'
import { proveShardTop, trustedAnchor } from '@armchain/shard'
import type { NodeParts } from './node-parts.ts'
import { findAnchor } from './trace-search.ts'
import type { WaitOptions } from './waiters.ts'

/**
 * That a durable main-shard block has anchored a head of a hosted vShard, once it has. Throws `ARM_NOT_FOUND` for a head that is not
 * there, and `ARM_RPC_TIMEOUT` for one that is not anchored in time.
 */
export async function anchorProof(
  parts: NodeParts,
  { vShard, height, timeoutMs = 30_000 }: RpcParams<'arm_getAnchorProof'>,
  { signal, wait }: Pick<WaitOptions, 'signal' | 'wait'>,
): Promise<AnchorProofResult> {
  if (vShard === MAIN_VSHARD)
    throw new ArmError('ARM_ARGUMENT', 'a main-shard head needs no anchor', {
      vShard,
      hint: 'its certificate alone makes it anchored',
    })
  await parts.host.settled()
  const stored = await parts.history.block(vShard, height)
  if (stored === undefined)
    throw new ArmError('ARM_NOT_FOUND', `no block ${height} on vShard ${vShard}`, {
      vShard,
      height,
      hint: `its latest block is ${parts.publishedHeight(vShard)}`,
    })
  const place = await parts.waiters
    .until(`anchor:${vShard}:${height}`, { timeoutMs, signal, wait }, () => findAnchor(parts, stored))
    .catch((error: unknown) => {
      if (!isArmError(error) || error.code !== 'ARM_RPC_TIMEOUT') throw error
      throw notAnchored(parts, { vShard, height, timeoutMs })
    })
  const main = await parts.history.block(MAIN_VSHARD, place.mainHeight)
  const anchors = (main?.body.anchors ?? []).map((anchor) =>
    trustedAnchor(anchor, headCodec.decode(anchor.head), parts.runtime.details.decode(anchor.details)),
  )
  const topIndex = anchors.findIndex(({ head }) => head.shard.vShard === vShard && head.height === height)
  const found = anchors[topIndex]
  if (main === undefined || found === undefined) throw notAnchored(parts, { vShard, height, timeoutMs })
  return {
    vShard,
    height,
    top: toHex(found.top),
    topIndex,
    topCount: anchors.length,
    topProof: proveShardTop(anchors, topIndex).map(toHex),
    anchorHead: toHex(main.block.head),
    anchorCertificate: toHex(main.block.certificate),
  }
}

function notAnchored(
  parts: NodeParts,
  { vShard, height, timeoutMs }: { readonly vShard: number; readonly height: number; readonly timeoutMs: number },
): ArmError {
  if (height <= parts.anchoredHeight(vShard))
    return new ArmError('ARM_NOT_FOUND', 'the head is anchored, but too long ago to be found by this node', {
      vShard,
      height,
      hint: 'ask for a later head of the vShard',
    })
  return new ArmError('ARM_RPC_TIMEOUT', `the main shard has not anchored the head within ${timeoutMs} ms`, {
    vShard,
    height,
    timeoutMs,
    hint: 'wait longer; where blocks are made by hand, make one on the main shard (dev_mine)',
  })
}
