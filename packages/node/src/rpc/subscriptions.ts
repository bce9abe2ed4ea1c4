import { type RpcParams, rpcErrorNumber, SUBSCRIPTION_METHOD, type Topic } from '@armchain/client/rpc-schema'
import { ArmError } from '@armchain/core'
import type { RpcLimits } from '../limits.ts'
import type { RpcMetrics } from '../metrics.ts'

/** Something that happened, with what a filter may ask for. */
export type TopicEvent = {
  readonly vShard?: number
  /** Whom it names, in the form that the server's `addressKey` gives. */
  readonly addresses?: readonly string[]
  readonly txId?: string
  /** JSON value that subscribers are given, or what makes it: called once, if anyone is to be told. */
  readonly result: unknown
}

/** The connection that notifications go to. */
export type Subscriber = {
  send(text: string): void
  /** Bytes that the reader has not taken yet. */
  unsentBytes(): number
}

export interface SubscriptionHub {
  /** Begins to queue; nothing is sent before `activate`, so that the id reaches the subscriber first. */
  subscribe(subscriber: Subscriber, params: RpcParams<'arm_subscribe'>): string
  unsubscribe(subscriber: Subscriber, id: string): boolean
  activate(subscriber: Subscriber): void
  /** Sends what waited, now that the reader has taken something. */
  drained(subscriber: Subscriber): void
  /** Ends all of a connection that has gone. */
  drop(subscriber: Subscriber): void
  publish(topic: Topic, event: TopicEvent): void
  /** Someone listens: the event is worth building. */
  wants(topic: Topic): boolean
  count(): number
}

type Subscription = {
  readonly id: string
  readonly subscriber: Subscriber
  readonly topic: Topic
  readonly filter: Omit<RpcParams<'arm_subscribe'>, 'topic'>
  readonly bucket: string
  /** JSON of events not yet sent, shared between subscriptions. */
  readonly queue: string[]
  active: boolean
}

type Limits = Pick<RpcLimits, 'subscriptionsPerSocket' | 'subscriptionQueueEvents' | 'socketBufferBytes'>

class Hub implements SubscriptionHub {
  readonly #limits: Limits
  readonly #metrics: RpcMetrics
  readonly #bySubscriber = new Map<Subscriber, Map<string, Subscription>>()
  /** By topic and the most selective part of the filter: a receipt finds the one who waits for it among thousands. */
  readonly #buckets = new Map<string, Set<Subscription>>()
  readonly #perTopic = new Map<Topic, number>()
  #count = 0
  #nextId = 1

  constructor(limits: Limits, metrics: RpcMetrics) {
    this.#limits = limits
    this.#metrics = metrics
  }

  subscribe(subscriber: Subscriber, { topic, ...rest }: RpcParams<'arm_subscribe'>): string {
    const own = this.#bySubscriber.get(subscriber) ?? new Map<string, Subscription>()
    const { subscriptionsPerSocket: limit } = this.#limits
    if (own.size >= limit)
      throw new ArmError('ARM_RPC_SUBSCRIPTION', `one connection holds at most ${limit} subscriptions`, { limit })
    const filter = rest.txId === undefined ? rest : { ...rest, txId: rest.txId.replace(/^0x/, '').toLowerCase() }
    const id = `s${this.#nextId++}`
    const bucket = bucketOf(topic, filter)
    const subscription: Subscription = { id, subscriber, topic, filter, bucket, queue: [], active: false }
    this.#bySubscriber.set(subscriber, own.set(id, subscription))
    const members = this.#buckets.get(bucket) ?? new Set()
    this.#buckets.set(bucket, members.add(subscription))
    this.#changeCount(topic, 1)
    return id
  }

  unsubscribe(subscriber: Subscriber, id: string): boolean {
    const subscription = this.#bySubscriber.get(subscriber)?.get(id)
    if (!subscription) return false
    this.#remove(subscription)
    return true
  }

  activate(subscriber: Subscriber): void {
    for (const subscription of this.#bySubscriber.get(subscriber)?.values() ?? []) subscription.active = true
    this.drained(subscriber)
  }

  drained(subscriber: Subscriber): void {
    for (const subscription of this.#bySubscriber.get(subscriber)?.values() ?? []) {
      const { queue } = subscription
      if (!subscription.active || queue.length === 0) continue
      let sent = 0
      while (sent < queue.length && this.#hasRoom(subscriber)) {
        subscriber.send(notification(subscription, `"result":${queue[sent++]}`))
      }
      queue.splice(0, sent)
    }
  }

  drop(subscriber: Subscriber): void {
    for (const subscription of [...(this.#bySubscriber.get(subscriber)?.values() ?? [])]) this.#remove(subscription)
  }

  publish(topic: Topic, event: TopicEvent): void {
    if (!this.wants(topic)) return
    let json: string | undefined
    for (const bucket of bucketsOf(topic, event)) {
      for (const subscription of this.#buckets.get(bucket) ?? []) {
        if (!matches(subscription.filter, event)) continue
        json ??= JSON.stringify(typeof event.result === 'function' ? event.result() : event.result) ?? 'null'
        this.#deliver(subscription, json)
      }
    }
  }

  wants(topic: Topic): boolean {
    return (this.#perTopic.get(topic) ?? 0) > 0
  }

  count(): number {
    return this.#count
  }

  #deliver(subscription: Subscription, json: string): void {
    const { subscriber, queue, active } = subscription
    if (active && queue.length === 0 && this.#hasRoom(subscriber)) {
      subscriber.send(notification(subscription, `"result":${json}`))
      return
    }
    if (queue.length < this.#limits.subscriptionQueueEvents) {
      queue.push(json)
      return
    }
    const dropped = queue.length + 1
    this.#remove(subscription)
    this.#metrics.droppedEvents(dropped)
    subscriber.send(notification(subscription, `"error":${slowConsumer(dropped)}`))
  }

  #hasRoom(subscriber: Subscriber): boolean {
    return subscriber.unsentBytes() <= this.#limits.socketBufferBytes
  }

  #remove(subscription: Subscription): void {
    const { id, subscriber, topic, bucket } = subscription
    const own = this.#bySubscriber.get(subscriber)
    if (!own?.delete(id)) return
    if (own.size === 0) this.#bySubscriber.delete(subscriber)
    const members = this.#buckets.get(bucket)
    members?.delete(subscription)
    if (members?.size === 0) this.#buckets.delete(bucket)
    this.#changeCount(topic, -1)
  }

  #changeCount(topic: Topic, change: number): void {
    this.#count += change
    this.#perTopic.set(topic, (this.#perTopic.get(topic) ?? 0) + change)
    this.#metrics.subscriptions(change)
  }
}

export function createSubscriptionHub(limits: Limits, metrics: RpcMetrics): SubscriptionHub {
  return new Hub(limits, metrics)
}

function bucketOf(topic: Topic, { txId, address, vShard }: Subscription['filter']): string {
  if (txId !== undefined) return `${topic} tx ${txId}`
  if (address !== undefined) return `${topic} address ${address}`
  return vShard === undefined ? topic : `${topic} vShard ${vShard}`
}

/** Each subscription stands in one bucket, so none is told twice. */
function* bucketsOf(topic: Topic, { txId, addresses, vShard }: TopicEvent): Iterable<string> {
  yield topic
  if (vShard !== undefined) yield `${topic} vShard ${vShard}`
  if (txId !== undefined) yield `${topic} tx ${txId}`
  for (const address of new Set(addresses)) yield `${topic} address ${address}`
}

function matches({ vShard, address, txId }: Subscription['filter'], event: TopicEvent): boolean {
  return (
    (vShard === undefined || vShard === event.vShard) &&
    (txId === undefined || txId === event.txId) &&
    (address === undefined || event.addresses?.includes(address) === true)
  )
}

function notification({ id, topic }: Subscription, member: string): string {
  return `{"jsonrpc":"2.0","method":"${SUBSCRIPTION_METHOD}","params":{"subscription":"${id}","topic":"${topic}",${member}}}`
}

function slowConsumer(dropped: number): string {
  return JSON.stringify({
    code: rpcErrorNumber('ARM_RPC_SLOW_CONSUMER'),
    message: 'the subscription was closed, as its events were not read fast enough',
    data: {
      code: 'ARM_RPC_SLOW_CONSUMER',
      dropped,
      hint: 'subscribe again, with a narrower filter, and read what is missing by height',
    },
  })
}
