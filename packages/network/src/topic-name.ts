import { ArmError } from '@armchain/core'

/**
 * What a topic is about. The network and the epoch are in its name, so that networks on one backbone, or members of
 * different epochs of a vShard, do not mix.
 */
export type TopicPlace = {
  readonly network: string
  readonly epoch: number
  readonly shard: number | 'main'
  /** Such as `head`, `tx` or `receipt`. */
  readonly kind: string
}

const NAME =
  /^\/armchain\/([a-z0-9][a-z0-9-]{0,31})\/(0|[1-9]\d{0,15})\/(?:(main)|shard\/(0|[1-9]\d{0,9}))\/([a-z][a-z-]{0,31})$/
const SHARD_MAX = 0xffff_ffff

/**
 * `/armchain/testnet/0/shard/7/head` or `/armchain/testnet/0/main/head`.
 *
 * @throws ArmError ARM_ARGUMENT if a part cannot stand in a name: networks are of a-z, 0-9 and -, kinds of a-z and -.
 */
export function topicName(place: TopicPlace): string {
  const { network, epoch, shard, kind } = place
  const name = `/armchain/${network}/${epoch}/${shard === 'main' ? shard : `shard/${shard}`}/${kind}`
  if (parseTopicName(name) === undefined)
    throw new ArmError('ARM_ARGUMENT', 'topic: a part cannot stand in the name of a topic', { ...place })
  return name
}

/** Undefined for what `topicName` does not make. */
export function parseTopicName(name: string): TopicPlace | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  const [, network = '', epochText = '', main, shardText = '', kind = ''] = match
  const epoch = Number(epochText)
  const shard = main === 'main' ? main : Number(shardText)
  if (!Number.isSafeInteger(epoch) || (shard !== 'main' && shard > SHARD_MAX)) return undefined
  return { network, epoch, shard, kind }
}
