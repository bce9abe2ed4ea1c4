import { utf8 } from '@armchain/core'
import type { ChannelSpec } from '../network.ts'
import type { AcceptanceCase } from './acceptance.ts'
import { asText, CHANNEL, connectLine, numbered, refused, same, texts, withMembers } from './members.ts'

const OTHER: ChannelSpec = { ...CHANNEL, name: '/armchain/suite/proposals/1' }
const LATEST: ChannelSpec = {
  ...CHANNEL,
  name: '/armchain/suite/status/1',
  queue: { ...CHANNEL.queue, messagesMax: 8, drop: 'oldest' },
}

export const channelCases: readonly AcceptanceCase[] = [
  {
    name: 'brings what is sent to one peer in order, both ways and on several channels',
    run: (subject) =>
      withMembers(subject, { count: 3 }, async (members) => {
        const [a, b, c] = members
        if (a === undefined || b === undefined || c === undefined) return
        for (const { network } of members) for (const each of [CHANNEL, OTHER]) network.open(each)
        await connectLine(subject, members)
        for (const bytes of numbered(100)) {
          a.network.send(CHANNEL.name, b.network.self, bytes)
          b.network.send(CHANNEL.name, a.network.self, bytes)
          a.network.send(OTHER.name, b.network.self, bytes)
        }
        await subject.until(() => a.heard.length === 100 && b.heard.length === 200, 'all messages')
        const order = numbered(100).map(asText)
        same(texts(a, CHANNEL.name), order, 'the order at one end')
        same(texts(b, CHANNEL.name), order, 'the order at the other')
        same(texts(b, OTHER.name), order, 'the order of the other channel')
        same(b.heard[0]?.from, a.network.self, 'who sent it')
        same(c.heard, [], 'what a third heard')
      }),
  },
  {
    name: 'refuses what is larger than the channel allows, and goes on',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        for (const { network } of members) network.open(CHANNEL)
        await connectLine(subject, members)
        const large = new Uint8Array(CHANNEL.messageBytesMax + 1)
        await refused(() => a.network.send(CHANNEL.name, b.network.self, large), 'a large message')
        await refused(() => a.network.send(OTHER.name, b.network.self, utf8('x')), 'a channel that is not open')
        a.network.send(CHANNEL.name, b.network.self, large.subarray(1))
        a.network.send(CHANNEL.name, b.network.self, new Uint8Array(0))
        await subject.until(() => b.heard.length === 2, 'the largest and the smallest message')
        same(
          b.heard.map(({ bytes }) => bytes.length),
          [CHANNEL.messageBytesMax, 0],
          'sizes',
        )
      }),
  },
  {
    name: 'loses what is for a peer that is not connected, and reaches one that comes back',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        for (const { network } of members) network.open(CHANNEL)
        a.network.send(CHANNEL.name, b.network.self, utf8('to nobody'))
        await connectLine(subject, members)
        a.network.send(CHANNEL.name, b.network.self, utf8('first'))
        await subject.until(() => b.heard.length === 1, 'a message')
        a.network.hangUp(b.network.self)
        await subject.until(() => a.watched.at(-1) === `gone ${b.network.self}`, 'the end of the connection')
        await connectLine(subject, members)
        await subject.until(() => a.watched.at(-1) === `connected ${b.network.self}`, 'a new connection')
        a.network.send(CHANNEL.name, b.network.self, utf8('second'))
        await subject.until(() => b.heard.length === 2, 'a message on a new connection')
        same(texts(b, CHANNEL.name), ['first', 'second'], 'what was heard')
      }),
  },
  {
    name: 'waits with a slow reader and loses nothing that fits',
    run: (subject) =>
      withMembers(subject, { count: 2, inFlightMax: 1 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        for (const { network } of members) network.open(CHANNEL)
        await connectLine(subject, members)
        const done = Promise.withResolvers<void>()
        b.judge = () => done.promise.then(() => 'accept')
        for (const bytes of numbered(200, 1_000)) a.network.send(CHANNEL.name, b.network.self, bytes)
        await subject.until(() => b.heard.length === 1, 'the first message')
        done.resolve()
        await subject.until(() => b.heard.length === 200, 'all messages')
        same(
          texts(b, CHANNEL.name).map(Number),
          Array.from({ length: 200 }, (_, i) => i),
          'the order',
        )
      }),
  },
  {
    name: 'keeps only the latest where only they count',
    run: (subject) =>
      withMembers(subject, { count: 2, inFlightMax: 1 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        for (const { network } of members) network.open(LATEST)
        await connectLine(subject, members)
        const done = Promise.withResolvers<void>()
        b.judge = () => done.promise.then(() => 'accept')
        a.network.send(LATEST.name, b.network.self, utf8('first'))
        await subject.until(() => b.heard.length === 1, 'the first message')
        for (const bytes of numbered(50)) a.network.send(LATEST.name, b.network.self, bytes)
        await subject.until(async () => {
          const { channels } = await b.network.stats()
          return channels.find(({ name }) => name === LATEST.name)?.dropped === 42
        }, 'the old ones to be dropped')
        done.resolve()
        await subject.until(() => b.heard.length === 9, 'the latest')
        same(texts(b, LATEST.name), ['first', ...Array.from({ length: 8 }, (_, i) => String(42 + i))], 'what was kept')
      }),
  },
]
