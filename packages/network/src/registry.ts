import { ArmError, type Codec, isArmError } from '@armchain/core'
import type { ChannelSpec, ExchangeSpec, Inbound, Network, PeerId, TopicSpec, Verdict } from './network.ts'

/** Bytes to values and back. A decoder throws only `ArmError`, whatever it is fed. */
export type WireCodec<Value> = Pick<Codec<Value>, 'encode' | 'decode'>

/** A topic whose messages have a type. */
export type Topic<Value> = {
  readonly spec: TopicSpec
  readonly codec: WireCodec<Value>
  /** What needs no state to be seen; the handler is not called unless it accepts. */
  readonly validate?: (value: Value, from: PeerId) => Verdict
}

/** A channel whose messages have a type; what is not accepted costs the peer as in a topic. */
export type Channel<Value> = Omit<Topic<Value>, 'spec'> & { readonly spec: ChannelSpec }

export type Exchange<Query, Answer> = {
  readonly spec: ExchangeSpec
  readonly query: WireCodec<Query>
  readonly answer: WireCodec<Answer>
}

export type Handler<Value> = (value: Value, message: Inbound) => Verdict | Promise<Verdict>

/** A topic that this node takes part in. */
export type JoinedTopic<Value> = {
  publish(value: Value): Promise<number>
  leave(): void
}

export type OpenChannel<Value> = { send(to: PeerId, value: Value): void }

/**
 * Types on a network: what has come is decoded, validated and handed to the handler of its topic or channel. Bytes that
 * are no value are rejected, so that who passes them on loses score.
 */
export interface Registry {
  join<Value>(topic: Topic<Value>, handler: Handler<Value>): JoinedTopic<Value>
  open<Value>(channel: Channel<Value>, handler: Handler<Value>): OpenChannel<Value>
  /** Malformed queries have no answer. */
  serve<Query, Answer>(
    exchange: Exchange<Query, Answer>,
    answer: (query: Query, from: PeerId) => Promise<Answer | undefined>,
  ): void
  /** @throws ArmError as `Network.request`, or as the decoder if the answer is malformed. */
  request<Query, Answer>(
    exchange: Exchange<Query, Answer>,
    to: PeerId,
    query: Query,
    options?: { readonly signal?: AbortSignal },
  ): Promise<Answer>
}

/**
 * Takes a network's listener; there is one registry for each.
 *
 * @param onError - Told when a handler has thrown, which is a bug of this node: the message is ignored, nobody is blamed.
 */
export function createRegistry(network: Network, onError: (error: unknown, on: string) => void): Registry {
  const routes = new Map<string, (message: Inbound) => Verdict | Promise<Verdict>>()
  const route = <Value>({ spec, codec, validate }: Topic<Value> | Channel<Value>, handler: Handler<Value>): void => {
    if (routes.has(spec.name)) throw new ArmError('ARM_ARGUMENT', `registry: ${spec.name} has a handler already`)
    routes.set(spec.name, (message) => {
      const value = decoded(codec, message.bytes)
      if (value === undefined) return 'reject'
      const verdict = validate?.(value.it, message.from) ?? 'accept'
      return verdict === 'accept' ? handler(value.it, message) : verdict
    })
  }
  network.listen(async (message) => {
    try {
      return (await routes.get(message.on)?.(message)) ?? 'ignore'
    } catch (error) {
      onError(error, message.on)
      return 'ignore'
    }
  })
  return {
    join(topic, handler) {
      route(topic, handler)
      network.join(topic.spec)
      return {
        publish: (value) => network.publish(topic.spec.name, topic.codec.encode(value)),
        leave() {
          routes.delete(topic.spec.name)
          network.leave(topic.spec.name)
        },
      }
    },
    open(channel, handler) {
      route(channel, handler)
      network.open(channel.spec)
      return { send: (to, value) => network.send(channel.spec.name, to, channel.codec.encode(value)) }
    },
    serve({ spec, query, answer }, respond) {
      network.serve(spec, async (bytes, from) => {
        const asked = decoded(query, bytes)
        const found = asked === undefined ? undefined : await respond(asked.it, from)
        return found === undefined ? undefined : answer.encode(found)
      })
    },
    async request({ spec, query, answer }, to, asked, options) {
      return answer.decode(await network.request(spec, to, query.encode(asked), options))
    },
  }
}

/** In a box, as a value may be undefined. */
function decoded<Value>(codec: WireCodec<Value>, bytes: Uint8Array): { readonly it: Value } | undefined {
  try {
    return { it: codec.decode(bytes) }
  } catch (error) {
    if (isArmError(error)) return undefined
    throw error
  }
}
