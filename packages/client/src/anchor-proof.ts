import {
  ArmError,
  equalBytes,
  type Head,
  MAIN_VSHARD,
  sameShard,
  sha256,
  shardTopCodec,
  verifyMerkleRange,
} from '@armchain/core'
import { countOf, DISTRUST, fieldsOf, hexOf, listOf } from './answer.ts'
import type { AnchorProofResult } from './rpc-schema.ts'
import { type TrustedRoot, verifyHead } from './trusted-root.ts'

/**
 * The main-shard head that has anchored a head, if `proof` (`arm_getAnchorProof`) shows that one has: its certificate,
 * then the path to the shard top, then the top against the head. Pure; `head` is the decoded head and its hash.
 * Throws `ARM_BLOCK_CERTIFICATE`, `ARM_PROOF`, `ARM_CODEC_INPUT`, `ARM_HEX` or `ARM_RPC_RESPONSE`.
 */
export function verifyAnchorProof(
  root: TrustedRoot,
  { head, hash }: { readonly head: Head; readonly hash: Uint8Array },
  proof: AnchorProofResult,
): Head {
  const fields = fieldsOf(proof)
  const anchor = verifyHead(root, MAIN_VSHARD, hexOf(fields.anchorHead), hexOf(fields.anchorCertificate))
  const encoded = hexOf(fields.top)
  const top = shardTopCodec.decode(encoded)
  const siblings = listOf(fields.topProof).map(hexOf)
  const [count, index] = [countOf(fields.topCount), countOf(fields.topIndex)]
  const placed = verifyMerkleRange(anchor.shardTopsRoot, count, index, sha256(encoded), siblings)
  const same = sameShard(top.shard, head.shard) && top.height === head.height && equalBytes(top.headHash, hash)
  if (placed && same) return anchor
  const { vShard } = head.shard
  throw new ArmError('ARM_PROOF', 'the main-shard head does not anchor this head', {
    vShard,
    height: head.height,
    ...DISTRUST,
  })
}
