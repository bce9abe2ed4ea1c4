import {
  formatShardKey,
  headCodec,
  headHash,
  invariant,
  MESSAGE_BOUNCE,
  type Message,
  messageCodec,
  RECEIPT_MESSAGE,
  type Runtime,
  sha256,
  toHex,
} from '@armchain/core'
import type { SealedBlock } from '@armchain/shard'
import type { BlockFact, MessageFact, NodeEffect } from './node-port.ts'

/** What a final block of a whole node tells the oracles. */
export function factsOf(
  runtime: Runtime,
  { shard, executed }: SealedBlock,
  supply: BlockFact['supply'],
): readonly NodeEffect[] {
  const { height, hash, head, details, transactions } = executed
  const chain = shard.vShard
  const parent = toHex(details.previous[0] ?? new Uint8Array(32))
  const anchored = executed.anchors.map(({ head: of }) => ({
    shard: of.shard.vShard,
    height: of.height,
    hash: toHex(headHash(headCodec.encode(of))),
  }))
  invariant(head.height === height, 'a block is of the height of its head')
  const name = toHex(hash)
  const messages = messagesOf(runtime, executed, formatShardKey(shard))
  return [
    { type: 'fact', fact: { type: 'finalized', chain, height, hash: name, parent, mark: new Uint8Array(0) } },
    {
      type: 'fact',
      fact: {
        type: 'block',
        shard: chain,
        height,
        hash: name,
        anchored,
        transactions,
        messages,
        ...(supply && { supply }),
      },
    },
  ]
}

/** Receptions before sendings: a bounce is sent by the block that refuses. */
function messagesOf(
  runtime: Runtime,
  { imports, outbox, receipts }: SealedBlock['executed'],
  self: string,
): readonly MessageFact[] {
  const bounces = new Map<string, string>()
  for (const bytes of receipts) {
    const receipt = runtime.receipts.decode(bytes)
    const [bounce] = receipt.messages
    if (receipt.kind === RECEIPT_MESSAGE && !receipt.ok && bounce !== undefined)
      bounces.set(toHex(receipt.id), `${self}>${formatShardKey(bounce.destination)}#${bounce.seq}`)
  }
  const received = imports.flatMap(({ messages }) =>
    messages.map((bytes): MessageFact => {
      const { channel, seq } = placeOf(messageCodec.decode(bytes))
      const bounce = bounces.get(toHex(sha256(bytes)))
      return { what: 'received', channel, seq, ...(bounce !== undefined && { bounce }) }
    }),
  )
  const sent = outbox.batches.flatMap(({ messages }) =>
    messages.map((bytes): MessageFact => {
      const message = messageCodec.decode(bytes)
      return { what: 'sent', ...placeOf(message), bounce: message.kind === MESSAGE_BOUNCE }
    }),
  )
  return [...received, ...sent]
}

function placeOf({ source, destination, seq }: Message): { readonly channel: string; readonly seq: number } {
  return { channel: `${formatShardKey(source)}>${formatShardKey(destination)}`, seq }
}
