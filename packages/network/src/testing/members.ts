import { isArmError, utf8 } from '@armchain/core'
import type { ChannelSpec, ExchangeSpec, Inbound, Network, TopicSpec, Verdict } from '../network.ts'
import type { QueueSpec } from '../queue-spec.ts'
import { topicName } from '../topic-name.ts'
import type { NetworkSubject } from './acceptance.ts'

/** A network under test, and what it has heard. */
export type Member = {
  readonly network: Network
  readonly heard: Inbound[]
  readonly watched: string[]
  /** What the listener says of each message; may be changed at any time. */
  judge: (message: Inbound) => Verdict | Promise<Verdict>
}

const decoder = new TextDecoder()

export const QUEUE: QueueSpec = { messagesMax: 256, bytesMax: 1 << 20, drop: 'newest', urgency: 'headers' }
export const TOPIC: TopicSpec = {
  name: topicName({ network: 'suite', epoch: 0, shard: 1, kind: 'head' }),
  messageBytesMax: 4_096,
  queue: QUEUE,
}
export const CHANNEL: ChannelSpec = {
  name: '/armchain/suite/votes/1',
  messageBytesMax: 4_096,
  queue: { ...QUEUE, urgency: 'votes' },
  outbound: { ...QUEUE, urgency: 'votes' },
}
export const EXCHANGE: ExchangeSpec = {
  name: '/armchain/suite/blocks/1',
  queryBytesMax: 64,
  answerBytesMax: 4_096,
  perPeerMax: 2,
  timeoutMs: 2_000,
}

/** Runs a case on so many networks that listen, and closes them whatever happens. */
export async function withMembers(
  subject: NetworkSubject,
  { count, inFlightMax = 64 }: { readonly count: number; readonly inFlightMax?: number },
  body: (members: readonly Member[]) => Promise<void>,
): Promise<void> {
  const networks = await subject.open(count, { inFlightMax })
  try {
    await body(
      networks.map((network) => {
        const member: Member = { network, heard: [], watched: [], judge: () => 'accept' }
        network.listen((message) => {
          member.heard.push(message)
          return member.judge(message)
        })
        network.watch((peer, state) => member.watched.push(`${state} ${peer}`))
        return member
      }),
    )
  } finally {
    await Promise.all(networks.map((network) => network.close()))
  }
}

/** Connects each with the one after it, and waits until both know. */
export async function connectLine(subject: NetworkSubject, members: readonly Member[]): Promise<void> {
  for (const [i, member] of members.entries()) {
    const next = members[i + 1]
    if (next === undefined) return
    await member.network.dial(addressOf(next))
    await subject.until(() => isConnected(member, next) && isConnected(next, member), 'both to know of a connection')
  }
}

function isConnected({ watched }: Member, { network }: Member): boolean {
  return watched.findLast((each) => each.endsWith(network.self)) === `connected ${network.self}`
}

export function addressOf({ network }: Member): string {
  const [address] = network.addresses
  if (address === undefined) throw new Error('a network without an address')
  return address
}

/** Waits until everyone can publish to all that it is connected to in the topic: a mesh takes a while. */
export async function joined(
  subject: NetworkSubject,
  members: readonly Member[],
  topic: TopicSpec = TOPIC,
): Promise<void> {
  for (const { network } of members) network.join(topic)
  await subject.until(async () => {
    for (const { network } of members) {
      const { topics } = await network.stats()
      if ((topics.find(({ name }) => name === topic.name)?.meshPeers.length ?? 0) === 0) return false
    }
    return true
  }, `a mesh of ${topic.name}`)
}

export function texts(member: Member, on: string): string[] {
  return member.heard.filter((each) => each.on === on).map(({ bytes }) => decoder.decode(bytes))
}

export function asText(bytes: Uint8Array): string {
  return decoder.decode(bytes)
}

export function same(actual: unknown, wanted: unknown, what: string): void {
  const [a, b] = [actual, wanted].map((each) => JSON.stringify(each))
  if (a !== b) throw new Error(`${what}: ${a} instead of ${b}`)
}

export function check(condition: boolean, what: string): void {
  if (!condition) throw new Error(what)
}

/** The call is refused with ARM_NETWORK. */
export async function refused(call: () => unknown, what: string): Promise<void> {
  try {
    await call()
  } catch (error) {
    if (isArmError(error) && error.code === 'ARM_NETWORK') return
    throw new Error(`${what}: ${String(error)} instead of ARM_NETWORK`, { cause: error })
  }
  throw new Error(`${what}: was not refused`)
}

/** Messages that are told apart by their number. */
export function numbered(count: number, sizeBytes = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => utf8(String(i).padEnd(sizeBytes, ' ')))
}
