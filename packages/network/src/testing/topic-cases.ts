import { utf8 } from '@armchain/core'
import type { TopicSpec } from '../network.ts'
import { topicName } from '../topic-name.ts'
import type { AcceptanceCase } from './acceptance.ts'
import { check, connectLine, joined, QUEUE, refused, same, TOPIC, texts, withMembers } from './members.ts'

const OTHER: TopicSpec = { ...TOPIC, name: topicName({ network: 'suite', epoch: 0, shard: 2, kind: 'head' }) }
const URGENT: TopicSpec = {
  ...TOPIC,
  name: topicName({ network: 'suite', epoch: 0, shard: 1, kind: 'certificate' }),
  queue: { ...QUEUE, urgency: 'votes' },
}
const SMALL: TopicSpec = { ...TOPIC, queue: { ...QUEUE, messagesMax: 4 } }

export const topicCases: readonly AcceptanceCase[] = [
  {
    name: 'brings a message to all in a topic once, through others, and not to who made it',
    run: (subject) =>
      withMembers(subject, { count: 4 }, async (members) => {
        const [a, b, c, outsider] = members
        if (a === undefined || b === undefined || c === undefined || outsider === undefined) return
        await connectLine(subject, members)
        await joined(subject, [a, b, c])
        check((await a.network.publish(TOPIC.name, utf8('one'))) > 0, 'a message was given to nobody')
        await c.network.publish(TOPIC.name, utf8('two'))
        await subject.until(() => a.heard.length > 0 && b.heard.length > 1 && c.heard.length > 0, 'both messages')
        await subject.pass(300)
        same(texts(a, TOPIC.name), ['two'], 'what the first heard')
        same(texts(b, TOPIC.name).sort(), ['one', 'two'], 'what the second heard')
        same(texts(c, TOPIC.name), ['one'], 'what the third heard')
        same(c.heard[0]?.from, b.network.self, 'who handed it on')
        same(outsider.heard, [], 'what one outside heard')
      }),
  },
  {
    name: 'refuses what is larger than the topic allows, and goes on',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        await connectLine(subject, members)
        await joined(subject, members)
        await refused(() => a.network.publish(TOPIC.name, new Uint8Array(TOPIC.messageBytesMax + 1)), 'a large message')
        await refused(() => a.network.publish(OTHER.name, utf8('x')), 'a message in a topic that was not joined')
        const largest = 'x'.repeat(TOPIC.messageBytesMax)
        await a.network.publish(TOPIC.name, utf8(largest))
        await subject.until(() => b.heard.length === 1, 'the largest message')
        same(texts(b, TOPIC.name), [largest], 'the largest message')
      }),
  },
  {
    name: 'passes on what is accepted and nothing else, and counts it',
    run: (subject) =>
      withMembers(subject, { count: 3 }, async (members) => {
        const [a, b, c] = members
        if (a === undefined || b === undefined || c === undefined) return
        await connectLine(subject, members)
        await joined(subject, members)
        b.judge = ({ bytes }) =>
          bytes[0] === 'r'.charCodeAt(0) ? 'reject' : bytes[0] === 'i'.charCodeAt(0) ? 'ignore' : 'accept'
        for (const text of ['reject', 'ignore', 'accept']) await a.network.publish(TOPIC.name, utf8(text))
        await subject.until(() => c.heard.length > 0, 'what was accepted')
        await subject.pass(300)
        same(texts(c, TOPIC.name), ['accept'], 'what was passed on')
        const stats = (await b.network.stats()).topics.find(({ name }) => name === TOPIC.name)
        same([stats?.received, stats?.rejected], [3, 1], 'counts')
      }),
  },
  {
    name: 'carries the same bytes in two topics',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        await connectLine(subject, members)
        await joined(subject, members)
        await joined(subject, members, OTHER)
        for (const { name } of [TOPIC, OTHER]) await a.network.publish(name, utf8('bridged'))
        await subject.until(() => b.heard.length === 2, 'both')
        same(b.heard.map(({ on }) => on).sort(), [TOPIC.name, OTHER.name].sort(), 'topics')
      }),
  },
  {
    name: 'brings what was published to nobody once it is published to somebody',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        for (const { network } of members) network.join(TOPIC)
        same(await a.network.publish(TOPIC.name, utf8('early')), 0, 'to how many')
        await connectLine(subject, members)
        await subject.until(async () => (await a.network.publish(TOPIC.name, utf8('early'))) === 1, 'somebody')
        await subject.until(() => b.heard.length === 1, 'the message')
      }),
  },
  {
    name: 'hears no more of a topic that it left, and all again when it is back',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        await connectLine(subject, members)
        await joined(subject, members)
        b.network.leave(TOPIC.name)
        let tries = 0
        await subject.until(
          async () => (await a.network.publish(TOPIC.name, utf8(`away ${tries++}`))) === 0,
          'the leave to be known',
        )
        b.heard.length = 0
        await a.network.publish(TOPIC.name, utf8('more'))
        await subject.pass(300)
        same(b.heard, [], 'what was heard after leaving')
        b.network.join(TOPIC)
        await subject.until(async () => {
          await a.network.publish(TOPIC.name, utf8(`again ${tries++}`))
          return b.heard.length > 0
        }, 'a message after coming back')
      }),
  },
  {
    name: 'hands over so many at a time, and the more urgent before the rest',
    run: (subject) =>
      withMembers(subject, { count: 2, inFlightMax: 1 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        await connectLine(subject, members)
        await joined(subject, members)
        await joined(subject, members, URGENT)
        const done = Promise.withResolvers<void>()
        b.judge = () => done.promise.then(() => 'accept')
        for (let i = 0; i < 8; i++) await a.network.publish(TOPIC.name, utf8(`head ${i}`))
        for (let i = 0; i < 2; i++) await a.network.publish(URGENT.name, utf8(`certificate ${i}`))
        await subject.until(async () => {
          const { topics } = await b.network.stats()
          return topics.reduce((sum, { waiting }) => sum + waiting, 0) === 9
        }, 'all to wait but one')
        same(b.heard.length, 1, 'handed over at a time')
        done.resolve()
        await subject.until(() => b.heard.length === 10, 'the rest')
        same(
          b.heard.slice(1, 3).map(({ on }) => on),
          [URGENT.name, URGENT.name],
          'what came next',
        )
      }),
  },
  {
    name: 'loses what does not fit a queue, by its policy, and counts it',
    run: (subject) =>
      withMembers(subject, { count: 2, inFlightMax: 1 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        await connectLine(subject, members)
        await joined(subject, members, SMALL)
        const done = Promise.withResolvers<void>()
        b.judge = () => done.promise.then(() => 'accept')
        await a.network.publish(SMALL.name, utf8('0'))
        await subject.until(() => b.heard.length === 1, 'the first')
        for (let i = 1; i < 9; i++) await a.network.publish(SMALL.name, utf8(String(i)))
        const stats = async () => (await b.network.stats()).topics.find(({ name }) => name === SMALL.name)
        await subject.until(async () => (await stats())?.dropped === 4, 'what does not fit to be dropped')
        same((await stats())?.waiting, 4, 'waiting')
        done.resolve()
        await subject.until(() => b.heard.length === 5, 'what fits')
      }),
  },
]
