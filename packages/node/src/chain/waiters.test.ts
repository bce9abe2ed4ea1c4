import { expect, test } from 'vitest'
import { Waiters } from './waiters.ts'

const never = new AbortController().signal
const wait = (told: Promise<void>): Promise<void> => told
const minute = { timeoutMs: 60_000, signal: never, wait }
const nothing = async (): Promise<undefined> => undefined

test('what is told during a look that finds nothing is not missed', async () => {
  const waiters = new Waiters()
  let looks = 0
  const found = await waiters.until('a', minute, async () => {
    looks++
    if (looks > 1) return 'found'
    waiters.tell('a')
    return undefined
  })
  expect([found, looks, waiters.any]).toEqual(['found', 2, false])
})

test('a drop, an abort and the time each end a wait with their reason, and nothing stays behind', async () => {
  const waiters = new Waiters()
  const abort = new AbortController()
  const ends = Promise.allSettled([
    waiters.until('a', minute, nothing),
    waiters.until('b', { timeoutMs: 60_000, signal: abort.signal, wait }, nothing),
    waiters.until('c', { timeoutMs: 1, signal: never, wait }, nothing),
  ])
  waiters.drop('a', { code: 'ARM_POOL_EVICTED', message: 'evicted' })
  abort.abort()
  const codes = (await ends).map((end) => (end.status === 'rejected' ? end.reason.code : 'none'))
  expect(codes).toEqual(['ARM_POOL_EVICTED', 'ARM_RPC_CLOSED', 'ARM_RPC_TIMEOUT'])
  expect(waiters.any).toBe(false)
})
