import { randomBytes } from 'node:crypto'
import { utf8 } from '@armchain/core'
import { expect, test } from 'vitest'
import type { Network, TopicSpec } from '../network.ts'
import { RESTARTS_MAX } from './limits.ts'
import { openNetwork } from './open-network.ts'
import { realTime } from './real-time.fixture.ts'

const { until } = realTime
const TOPIC: TopicSpec = {
  name: '/armchain/crash/0/main/head',
  messageBytesMax: 1_000,
  queue: { messagesMax: 100, bytesMax: 100_000, drop: 'newest', urgency: 'headers' },
}
/** Its first message kills the thread: code without types could ask for it. */
const DEADLY = { ...TOPIC, name: '/armchain/crash/0/main/deadly', queue: undefined as unknown as TopicSpec['queue'] }
const EXCHANGE = {
  name: '/armchain/crash/echo/1',
  queryBytesMax: 100,
  answerBytesMax: 100,
  perPeerMax: 2,
  timeoutMs: 2_000,
}

async function openPair() {
  const failures: unknown[] = []
  const logged: string[] = []
  const open = (): Promise<Network> =>
    openNetwork({
      secretKey: randomBytes(32),
      networkId: 'crash',
      log: (_, message) => logged.push(message),
      onFailure: (error) => failures.push(error),
    })
  const [stable, mortal] = await Promise.all([open(), open()])
  const heard: string[] = []
  const watched: string[] = []
  stable.listen(() => 'accept')
  mortal.listen(({ bytes }) => {
    heard.push(new TextDecoder().decode(bytes))
    return 'accept'
  })
  mortal.watch((_, state) => watched.push(state))
  mortal.serve(EXCHANGE, async (query) => query)
  for (const each of [stable, mortal]) each.join(TOPIC)
  await stable.dial(mortal.addresses[0] ?? '')
  return { stable, mortal, heard, watched, logged, failures }
}

async function kill(stable: Network, isDead: () => boolean): Promise<void> {
  let tries = 0
  await until(async () => {
    await stable.publish(DEADLY.name, utf8(`die ${tries++}`))
    return isDead()
  }, 'the end of a thread')
}

test('a thread that crashes is started again: same addresses, topics and exchanges, and peers come back', async () => {
  const { stable, mortal, heard, watched, logged, failures } = await openPair()
  const { addresses, self } = mortal
  stable.join({ ...DEADLY, queue: TOPIC.queue })
  mortal.join(DEADLY)
  const waiting = mortal.request(EXCHANGE, stable.self, utf8('never')).catch((error: { code: string }) => error.code)
  await kill(stable, () => {
    if (!watched.includes('gone')) return false
    mortal.leave(DEADLY.name)
    return true
  })
  expect(await waiting).toBe('ARM_NETWORK')
  expect(logged.some((line) => line.includes('starting another'))).toBe(true)
  await until(() => watched.at(-1) === 'connected', 'the peer to come back')
  expect([mortal.self, mortal.addresses]).toEqual([self, addresses])
  expect(await stable.request(EXCHANGE, self, utf8('echo'))).toEqual(utf8('echo'))
  let tries = 0
  await until(async () => {
    await stable.publish(TOPIC.name, utf8(`alive ${tries++}`))
    return heard.some((text) => text.startsWith('alive'))
  }, 'a message after the crash')
  expect(failures).toEqual([])
  await Promise.all([stable.close(), mortal.close()])
})

test('a thread that crashes again and again has failed, and the node is told', async () => {
  const { stable, mortal, failures, watched } = await openPair()
  stable.join({ ...DEADLY, queue: TOPIC.queue })
  mortal.join(DEADLY)
  await kill(stable, () => failures.length > 0)
  expect(watched.filter((state) => state === 'gone')).toHaveLength(RESTARTS_MAX + 1)
  expect(failures).toEqual([expect.objectContaining({ code: 'ARM_NETWORK' })])
  expect(() => mortal.join({ ...TOPIC, name: '/armchain/crash/0/main/more' })).toThrow('ARM_NETWORK')
  await expect(mortal.stats()).rejects.toThrow('ARM_NETWORK')
  await Promise.all([stable.close(), mortal.close()])
})

test('what cannot start says so', async () => {
  const listen = ['/ip4/203.0.113.1/tcp/1'] // An address for documentation: no machine has it.
  await expect(openNetwork({ secretKey: randomBytes(32), networkId: 'crash', listen })).rejects.toThrow('ARM_NETWORK')
  await expect(openNetwork({ secretKey: randomBytes(31), networkId: 'crash' })).rejects.toThrow('ARM_ARGUMENT')
  await expect(openNetwork({ secretKey: randomBytes(32), networkId: 'Crash!' })).rejects.toThrow('ARM_ARGUMENT')
})
