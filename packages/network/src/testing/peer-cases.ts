import { sha256, utf8 } from '@armchain/core'
import type { AcceptanceCase } from './acceptance.ts'
import { addressOf, CHANNEL, check, connectLine, refused, same, texts, withMembers } from './members.ts'

const BAN_MS = 60_000

export const peerCases: readonly AcceptanceCase[] = [
  {
    name: 'connects, and both know each other by their names',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async ([a, b]) => {
        if (a === undefined || b === undefined) return
        check(a.network.self !== b.network.self, 'two networks have one name')
        check(addressOf(a).endsWith(`/p2p/${a.network.self}`), 'an address does not end with the name')
        same(await a.network.dial(addressOf(b)), b.network.self, 'who was reached')
        await subject.until(() => a.watched.length + b.watched.length >= 2, 'both to say that they are connected')
        same(a.watched, [`connected ${b.network.self}`], 'what the one who called saw')
        same(b.watched, [`connected ${a.network.self}`], 'what the one who was called saw')
        const [seen] = (await b.network.stats()).peers
        same([seen?.peer, seen?.direction], [a.network.self, 'inbound'], 'who is connected')
      }),
  },
  {
    name: 'does not take one peer for another',
    run: (subject) =>
      withMembers(subject, { count: 3 }, async ([a, b, c]) => {
        if (a === undefined || b === undefined || c === undefined) return
        const wrong = addressOf(b).replace(b.network.self, c.network.self)
        await refused(() => a.network.dial(wrong), 'an address with the name of another')
        await refused(() => a.network.dial('nonsense'), 'what is no address')
      }),
  },
  {
    name: 'says when a peer is gone',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async ([a, b]) => {
        if (a === undefined || b === undefined) return
        await connectLine(subject, [a, b])
        await b.network.close()
        await b.network.close()
        await subject.until(() => a.watched.includes(`gone ${b.network.self}`), 'the end of a peer')
        await refused(() => b.network.dial(addressOf(a)), 'a dial on a closed network')
      }),
  },
  {
    name: 'hangs up',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async ([a, b]) => {
        if (a === undefined || b === undefined) return
        await connectLine(subject, [a, b])
        a.network.hangUp(b.network.self)
        await subject.until(() => a.watched.includes(`gone ${b.network.self}`), 'the end of a connection')
        await a.network.dial(addressOf(b))
      }),
  },
  {
    name: 'takes nothing from who is banned, and does not connect to it',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async ([a, b]) => {
        if (a === undefined || b === undefined) return
        for (const { network } of [a, b]) network.open(CHANNEL)
        await connectLine(subject, [a, b])
        b.network.send(CHANNEL.name, a.network.self, utf8('before'))
        await subject.until(() => texts(a, CHANNEL.name).length === 1, 'a message')
        a.network.ban(b.network.self, BAN_MS)
        await subject.until(() => a.watched.includes(`gone ${b.network.self}`), 'the end of the connection')
        await refused(() => a.network.dial(addressOf(b)), 'a dial to who is banned')
        await b.network.dial(addressOf(a)).catch(() => {})
        b.network.send(CHANNEL.name, a.network.self, utf8('after'))
        await subject.pass(300)
        same(texts(a, CHANNEL.name), ['before'], 'what was heard of who is banned')
        same((await a.network.stats()).peers, [], 'peers')
      }),
  },
  {
    name: 'is found under what it announces',
    run: (subject) =>
      withMembers(subject, { count: 3 }, async (members) => {
        const [a, , c] = members
        if (a === undefined || c === undefined) return
        await connectLine(subject, members)
        const key = sha256(utf8('vShard 7'))
        await subject.until(async () => {
          await c.network.announce(key)
          for await (const { peer, addresses } of a.network.find(key)) {
            if (peer === c.network.self && addresses.some((each) => each === addressOf(c))) return true
          }
          return false
        }, 'a peer to be found')
      }),
  },
]
