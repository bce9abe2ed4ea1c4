import { expect, test } from 'vitest'
import { SYNC_ANSWER_MS, SYNC_BEHIND_MS, SYNC_EVERY_MS, SYNC_STALLED_MS } from '../limits.ts'
import { BlockSync } from './block-sync.ts'

/** A node that follows vShard 1 (and decides on it, if asked), with three peers; what it asks is written down. */
function follower({ decides = false } = {}) {
  const asked: string[] = []
  const state = { height: 0 }
  const sync = new BlockSync(
    {
      vShards: [1],
      finalHeight: () => state.height,
      ask: (peer, vShard, fromHeight) => void asked.push(`${peer}: ${vShard} from ${fromHeight}`),
      peers: () => [5, 6, 7],
      decides: () => decides,
    },
    0,
  )
  return { sync, state, take: () => asked.splice(0) }
}

test('who follows asks whoever told of a head, once at a time, and goes on with that one while it is behind', () => {
  const { sync, state, take } = follower()
  sync.heard(0, 1, 10, 7)
  expect(take()).toEqual(['7: 1 from 1'])
  sync.heard(1, 1, 11, 6)
  expect(take()).toEqual([])
  state.height = 4
  sync.answered(2, 1, 7, 4)
  expect(take()).toEqual(['7: 1 from 5'])
  state.height = 11
  sync.answered(3, 1, 7, 7)
  expect(take()).toEqual([])
  sync.heard(4, 1, 11, 5)
  expect(take()).toEqual([])
})

test('who has just started asks until somebody answers', () => {
  const { sync, take } = follower()
  sync.look(0)
  expect(take()).toEqual(['5: 1 from 1'])
  sync.look(SYNC_EVERY_MS)
  expect(take()).toEqual(['6: 1 from 1'])
  sync.answered(SYNC_EVERY_MS + 1, 1, 6, 0)
  sync.look(2 * SYNC_EVERY_MS)
  expect(take()).toEqual([])
})

test('who has nothing, or says nothing, is followed by the next; when nobody has anything, by a later look', () => {
  const { sync, take } = follower()
  sync.heard(0, 1, 3, 7)
  take()
  sync.answered(1, 1, 6, 9)
  expect(take()).toEqual([])
  sync.answered(1, 1, 7, 0)
  expect(take()).toEqual(['5: 1 from 1'])
  sync.answered(2, 1, 5, 0)
  expect(take()).toEqual(['6: 1 from 1'])
  sync.answered(3, 1, 6, 0)
  expect(take()).toEqual([])
  sync.look(1_000)
  sync.look(SYNC_BEHIND_MS + 1_001)
  expect(take()).toEqual(['7: 1 from 1'])
  sync.look(2 * SYNC_BEHIND_MS + SYNC_ANSWER_MS + 1_000)
  expect(take()).toEqual(['5: 1 from 1'])
})

test('who decides leaves it to its engine, until its vShard has stood still', () => {
  const { sync, state, take } = follower({ decides: true })
  state.height = 1
  sync.look(10)
  sync.heard(20, 1, 2, 5)
  sync.look(SYNC_BEHIND_MS)
  expect(take()).toEqual([])
  sync.look(SYNC_BEHIND_MS + 11)
  expect(take()).toEqual(['5: 1 from 2'])
})

test('a vShard that stands still for long may have been missed altogether', () => {
  const { sync, take } = follower({ decides: true })
  sync.look(0)
  sync.look(SYNC_STALLED_MS)
  expect(take()).toEqual([])
  sync.look(SYNC_STALLED_MS + 1)
  expect(take()).toHaveLength(1)
  sync.request(SYNC_STALLED_MS + 2, 1)
  expect(take()).toEqual([])
})
