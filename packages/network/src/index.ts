export type * from './network.ts'
export { type QueueSpec, URGENCIES, type Urgency } from './queue-spec.ts'
export { parseTopicName, type TopicPlace, topicName } from './topic-name.ts'
export {
  type Channel,
  createRegistry,
  type Exchange,
  type Handler,
  type JoinedTopic,
  type OpenChannel,
  type Registry,
  type Topic,
  type WireCodec,
} from './registry.ts'
export { InboundQueues, type InboundQueuesOptions, type Offered, type QueueStats } from './inbound-queues.ts'
export { OutboundQueue } from './outbound-queue.ts'
