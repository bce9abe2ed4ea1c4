import { ArmError, equalBytes, type Head, importCodec, MAIN_VSHARD, type Message, wholeShard } from '@armchain/core'
import { verifyImport } from '@armchain/shard'
import { DISTRUST, fieldsOf, hexOf } from './answer.ts'
import type { MessageProofResult } from './rpc-schema.ts'
import { certifiersOf, type TrustedRoot, verifyHead } from './trusted-root.ts'

/** One message of `arm_getMessageProof`, with what proves it. */
export type MessageProof = MessageProofResult['messages'][number]

export type ProvenMessage = {
  readonly message: Message
  /** Height of the source's block that sent it. */
  readonly sourceHeight: number
  /** The certified main-shard head under which it stands. */
  readonly anchor: Head
}

/**
 * The message that a proof of `arm_getMessageProof` shows to have been sent: the main-shard head's certificate, then
 * the path to the source's shard top, to its outbox batch, to the message. Pure. It shows that the main shard has
 * accepted the source's block, which sent the message; not that the destination has taken it.
 *
 * Throws `ARM_BLOCK_CERTIFICATE` or `ARM_PROOF`; for what is no proof at all `ARM_CODEC_INPUT`, `ARM_HEX` or
 * `ARM_RPC_RESPONSE`; `ARM_TX_SHARD` for a vShard that the genesis has not.
 */
export function verifyMessageProof(root: TrustedRoot, proof: MessageProof): ProvenMessage {
  const { source, destination, seq, ...encoded } = fieldsOf(proof)
  const anchor = verifyHead(root, MAIN_VSHARD, hexOf(encoded.anchorHead), hexOf(encoded.anchorCertificate))
  const item = importCodec.decode(hexOf(encoded.proof))
  const bytes = hexOf(encoded.message)
  // Layouts are fixed: one physical shard a vShard, since genesis.
  for (const vShard of [source, destination]) certifiersOf(root, vShard as number)
  const proven = verifyImport(item, anchor, wholeShard(destination as number))
  if (!proven.ok) {
    const { message, data } = proven.reason
    throw new ArmError('ARM_PROOF', message, { ...data, ...DISTRUST })
  }
  const found = proven.value.find((each) => equalBytes(each.bytes, bytes))
  if (found === undefined || item.source.vShard !== source || found.message.seq !== seq)
    throw new ArmError('ARM_PROOF', 'the proof is of other messages', { source, destination, seq, ...DISTRUST })
  return { message: found.message, sourceHeight: item.sourceHeight, anchor }
}
