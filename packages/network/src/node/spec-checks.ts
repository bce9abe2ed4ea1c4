import { ArmError } from '@armchain/core'
import type { ChannelSpec, TopicSpec } from '../network.ts'
import { networkError } from '../network-error.ts'
import { CHANNEL_MESSAGE_BYTES_MAX, GOSSIP_MESSAGE_BYTES_MAX } from './limits.ts'

/** @throws ArmError ARM_ARGUMENT if messages may be too large to be gossiped. */
export function assertTopic({ name, messageBytesMax }: TopicSpec): void {
  if (messageBytesMax > GOSSIP_MESSAGE_BYTES_MAX)
    throw new ArmError('ARM_ARGUMENT', 'topic: messages may be too large to be gossiped', { name, messageBytesMax })
}

/** @throws ArmError ARM_ARGUMENT if messages may be too large for a channel. */
export function assertChannel({ name, messageBytesMax }: ChannelSpec): void {
  if (messageBytesMax > CHANNEL_MESSAGE_BYTES_MAX)
    throw new ArmError('ARM_ARGUMENT', 'channel: messages may be too large', { name, messageBytesMax })
}

/** @throws ArmError ARM_ARGUMENT if the name is taken. */
export function assertNew(names: { has(name: string): boolean }, name: string): void {
  if (names.has(name)) throw new ArmError('ARM_ARGUMENT', `network: ${name} is in use already`)
}

/** @throws ArmError ARM_NETWORK if there is no topic or channel of the name, or the message is larger than it allows. */
export function assertFits(
  spec: Pick<TopicSpec, 'messageBytesMax'> | undefined,
  name: string,
  bytes: Uint8Array,
): asserts spec {
  if (spec === undefined) throw networkError('not-open', 'there is no topic or channel of this name', { name })
  if (bytes.length > spec.messageBytesMax)
    throw networkError('too-large', 'the message is larger than allowed', { name, sizeBytes: bytes.length })
}
