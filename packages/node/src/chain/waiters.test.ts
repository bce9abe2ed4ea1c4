import { ArmError } from '@armchain/core'
import { expect, test } from 'vitest'
import { Waiters } from './waiters.ts'

const never = new AbortController().signal

test('what is told between the beginning of a watch and the wait for it is not missed', async () => {
  const waiters = new Waiters()
  const watch = waiters.watch('a', 60_000, never)
  waiters.tell('a')
  await expect(watch.told).resolves.toBeUndefined()
  expect(waiters.any).toBe(false)
})

test('a drop, an abort and the time each end a watch with their reason, and nothing stays behind', async () => {
  const waiters = new Waiters()
  const abort = new AbortController()
  const dropped = waiters.watch('a', 60_000, never)
  const aborted = waiters.watch('b', 60_000, abort.signal)
  const late = waiters.watch('c', 1, never)
  waiters.drop('a', { code: 'ARM_POOL_EVICTED', message: 'evicted' })
  abort.abort()
  await expect(dropped.told).rejects.toMatchObject({ code: 'ARM_POOL_EVICTED' })
  await expect(aborted.told).rejects.toMatchObject({ code: 'ARM_RPC_CLOSED' })
  await expect(late.told).rejects.toBeInstanceOf(ArmError)
  await expect(waiters.watch('d', 60_000, abort.signal).told).rejects.toMatchObject({ code: 'ARM_RPC_CLOSED' })
  expect(waiters.any).toBe(false)
})

test('watches of one id are told together, and one that has ended is not', async () => {
  const waiters = new Waiters()
  const [first, second] = [waiters.watch('a', 60_000, never), waiters.watch('a', 60_000, never)]
  first.end()
  expect(waiters.any).toBe(true)
  waiters.tell('a')
  await expect(second.told).resolves.toBeUndefined()
  expect(waiters.any).toBe(false)
})
