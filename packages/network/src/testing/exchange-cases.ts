import { concatBytes, utf8 } from '@armchain/core'
import type { AcceptanceCase } from './acceptance.ts'
import { asText, check, connectLine, EXCHANGE, refused, same, withMembers } from './members.ts'

export const exchangeCases: readonly AcceptanceCase[] = [
  {
    name: 'answers requests, several at a time',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        b.network.serve(EXCHANGE, async (query, from) => concatBytes(query, utf8(` from ${from}`)))
        await connectLine(subject, members)
        const answers = await Promise.all(
          ['one', 'two'].map((each) => a.network.request(EXCHANGE, b.network.self, utf8(each))),
        )
        same(answers.map(asText), [`one from ${a.network.self}`, `two from ${a.network.self}`], 'answers')
      }),
  },
  {
    name: 'says when there is no answer, whatever the reason',
    run: (subject) =>
      withMembers(subject, { count: 3 }, async (members) => {
        const [a, b, c] = members
        if (a === undefined || b === undefined || c === undefined) return
        b.network.serve(EXCHANGE, async (query) => {
          if (query[0] === 0) throw new Error('a bug')
          return query[0] === 1 ? undefined : new Uint8Array(query[0] === 2 ? EXCHANGE.answerBytesMax + 1 : 0)
        })
        await connectLine(subject, [a, b])
        const ask = (value: number) => a.network.request(EXCHANGE, b.network.self, new Uint8Array([value]))
        await refused(() => ask(0), 'a request whose answer failed')
        await refused(() => ask(1), 'a request without an answer')
        await refused(() => ask(2), 'an answer that is too large')
        same((await ask(3)).length, 0, 'an empty answer')
        const large = new Uint8Array(EXCHANGE.queryBytesMax + 1)
        await refused(() => a.network.request(EXCHANGE, b.network.self, large), 'a query that is too large')
        await refused(
          () => a.network.request({ ...EXCHANGE, name: '/armchain/suite/none/1' }, b.network.self, utf8('x')),
          'an unknown exchange',
        )
        await refused(() => b.network.request(EXCHANGE, a.network.self, utf8('x')), 'one who does not serve it')
        await refused(() => a.network.request(EXCHANGE, c.network.self, utf8('x')), 'one who is not reached')
      }),
  },
  {
    name: 'ends a request in time, or with its signal',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        const never = Promise.withResolvers<undefined>()
        b.network.serve(EXCHANGE, () => never.promise)
        await connectLine(subject, members)
        const late = refused(() => a.network.request(EXCHANGE, b.network.self, utf8('x')), 'a late answer')
        await subject.pass(EXCHANGE.timeoutMs)
        await late
        const stop = new AbortController()
        const { signal } = stop
        const asked = refused(() => a.network.request(EXCHANGE, b.network.self, utf8('x'), { signal }), 'a stop')
        stop.abort()
        await asked
        never.resolve(undefined)
      }),
  },
  {
    name: 'answers so many of one peer at a time',
    run: (subject) =>
      withMembers(subject, { count: 2 }, async (members) => {
        const [a, b] = members
        if (a === undefined || b === undefined) return
        let atOnce = 0
        let most = 0
        const open = Promise.withResolvers<void>()
        b.network.serve(EXCHANGE, async (query) => {
          most = Math.max(most, ++atOnce)
          await open.promise
          atOnce--
          return query
        })
        await connectLine(subject, members)
        const asked = Array.from({ length: 12 }, (_, i) =>
          a.network.request(EXCHANGE, b.network.self, new Uint8Array([i])).then(
            () => 'answered',
            () => 'refused',
          ),
        )
        await subject.until(() => atOnce === EXCHANGE.perPeerMax, 'as many as are allowed')
        await subject.pass(200)
        open.resolve()
        const outcomes = await Promise.all(asked)
        same(most, EXCHANGE.perPeerMax, 'answered at a time')
        const answered = outcomes.filter((each) => each === 'answered').length
        check(answered >= EXCHANGE.perPeerMax, 'those in time were not answered')
        same(asText(await a.network.request(EXCHANGE, b.network.self, utf8('x'))), 'x', 'one more, later')
      }),
  },
]
