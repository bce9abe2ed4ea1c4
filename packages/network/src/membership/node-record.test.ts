import { activeEd25519, keyPairFromSecret } from '@armchain/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { directoryKey } from './directory-key.ts'
import { ADDRESS_BYTES_MAX, PEERS_PER_VALIDATOR, RECORD_LIFE_MS_MAX } from './limits.ts'
import {
  type CheckedRecord,
  checkRecord,
  hasRole,
  type NodeRecord,
  ROLE_BITS,
  signRecord,
  signVoucher,
} from './node-record.ts'
import { overlayViewOf } from './overlay-view.ts'
import { keyOfPeer, peerIdOf } from './peer-id.ts'
import { RecordTable } from './record-table.ts'

const NETWORK = new Uint8Array(32).fill(1)
const NOW_MS = 1_800_000_000_000
const keyOf = (index: number) => {
  const secret = new Uint8Array(32).fill(200)
  new DataView(secret.buffer).setUint32(0, index)
  return keyPairFromSecret(secret)
}
const signerOf = (index: number) => (message: Uint8Array) => activeEd25519().sign(message, keyOf(index).secretKey)

type Unsigned = Omit<NodeRecord, 'version' | 'signature'>

function unsigned(index: number, change: Partial<Unsigned> = {}): Unsigned {
  return {
    key: keyOf(index).publicKey,
    sequence: 1,
    expiryMs: NOW_MS + 1000,
    addresses: ['/ip4/10.0.0.1/tcp/4001'],
    roles: ROLE_BITS.shard | ROLE_BITS.super,
    vShards: [1, 7],
    region: 'eu',
    sealingKey: new Uint8Array(32).fill(9),
    voucher: undefined,
    ...change,
  }
}

function recordOf(index: number, change: Partial<Unsigned> = {}): Uint8Array {
  return signRecord(NETWORK, unsigned(index, change), signerOf(index))
}

function voucherOf(validator: number, peer: number, untilMs = NOW_MS + 1000) {
  const { publicKey } = keyOf(validator)
  return signVoucher(NETWORK, { validator: publicKey, peerKey: keyOf(peer).publicKey, untilMs }, signerOf(validator))
}

function checked(index: number, change: Partial<Unsigned> = {}): CheckedRecord {
  const outcome = checkRecord(NETWORK, recordOf(index, change), NOW_MS)
  if (!outcome.ok) throw new Error(outcome.reason.message)
  return outcome.value
}

test('a record is what its node signed, and names its peer', () => {
  const bytes = recordOf(1)
  const outcome = checkRecord(NETWORK, bytes, NOW_MS)
  expect(outcome).toMatchObject({ ok: true, value: { record: unsigned(1), peer: peerIdOf(keyOf(1).publicKey), bytes } })
  expect(outcome.ok && hasRole(outcome.value.record, 'super')).toBe(true)
  expect(outcome.ok && hasRole(outcome.value.record, 'validator')).toBe(false)
})

test('no byte of it can be changed', () => {
  const bytes = recordOf(1, { voucher: voucherOf(50, 1) })
  for (let at = 0; at < bytes.length; at++) {
    const tampered = bytes.slice()
    tampered[at] = (tampered[at] as number) ^ (1 << (at % 8))
    expect(checkRecord(NETWORK, tampered, NOW_MS).ok, `byte ${at}`).toBe(false)
  }
})

test('it holds on its network, and in its time', () => {
  const code = (bytes: Uint8Array, nowMs: number, network = NETWORK) => {
    const outcome = checkRecord(network, bytes, nowMs)
    return outcome.ok ? 'ok' : outcome.reason.code
  }
  expect(code(recordOf(1), NOW_MS)).toBe('ok')
  expect(code(recordOf(1), NOW_MS, new Uint8Array(32))).toBe('ARM_RECORD')
  expect(code(recordOf(1), NOW_MS + 1000)).toBe('ARM_RECORD')
  expect(code(recordOf(1, { expiryMs: NOW_MS + RECORD_LIFE_MS_MAX + 1 }), NOW_MS)).toBe('ARM_RECORD')
})

test('a voucher holds for one peer, by one validator, for its time', () => {
  expect(checked(1, { voucher: voucherOf(50, 1) }).vouchedBy).toEqual(keyOf(50).publicKey)
  expect(checked(1, { voucher: voucherOf(50, 1, NOW_MS) }).vouchedBy).toBeUndefined()
  const stolen = recordOf(1, { voucher: voucherOf(50, 2) })
  expect(checkRecord(NETWORK, stolen, NOW_MS).ok).toBe(false)
  const claimed = recordOf(1, { voucher: { ...voucherOf(50, 1), validator: keyOf(51).publicKey } })
  expect(checkRecord(NETWORK, claimed, NOW_MS).ok).toBe(false)
})

test('a record that is too large is not signed, and any bytes are refused without a throw', () => {
  const addresses = Array.from({ length: 8 }, () => 'a'.repeat(ADDRESS_BYTES_MAX))
  const vShards = Array.from({ length: 64 }, (_, i) => i)
  expect(recordOf(1, { addresses, vShards }).length).toBeLessThan(4096)
  expect(() => recordOf(1, { addresses: [...addresses, 'b'] })).toThrow('ARM_CODEC_VALUE')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => !checkRecord(NETWORK, bytes, NOW_MS).ok))
})

test('the peer id of a key, both ways, and of no other text', () => {
  // Of the seed of 32 ones, as @libp2p/peer-id 6.0.15 writes it.
  const ones = keyPairFromSecret(new Uint8Array(32).fill(1)).publicKey
  expect(peerIdOf(ones)).toBe('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5')
  const { publicKey } = keyOf(1)
  expect(peerIdOf(publicKey)).toMatch(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/)
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      expect(keyOfPeer(peerIdOf(key))).toEqual(key)
    }),
  )
  for (const text of [
    '',
    '12D3KooW',
    `${peerIdOf(publicKey)}1`,
    peerIdOf(publicKey).replace('12D3KooW', '12D3KooX'),
    'l'.repeat(52),
  ])
    expect(keyOfPeer(text)).toBeUndefined()
})

test('directory keys differ by network, epoch and vShard', () => {
  const keys = [
    directoryKey(NETWORK, 1, 2),
    directoryKey(NETWORK, 2, 1),
    directoryKey(NETWORK, 1, 3),
    directoryKey(new Uint8Array(32), 1, 2),
  ]
  expect(new Set(keys.map((key) => key.join())).size).toBe(4)
  expect(directoryKey(NETWORK, 1, 2)).toEqual(keys[0])
})

const table = (countMax: number, validators: readonly number[] = []) =>
  new RecordTable({
    secret: new Uint8Array(32).fill(4),
    isValidator: (key) => validators.some((index) => keyOf(index).publicKey.join() === key.join()),
    countMax,
  })

test('the newest record of a node counts', () => {
  const records = table(10)
  expect(records.offer(checked(1, { sequence: 5 }), NOW_MS)).toBe('taken')
  expect(records.offer(checked(1, { sequence: 5 }), NOW_MS)).toBe('known')
  expect(records.offer(checked(1, { sequence: 5, region: 'us' }), NOW_MS)).toBe('contradiction')
  expect(records.offer(checked(1, { sequence: 4 }), NOW_MS)).toBe('older')
  expect(records.offer(checked(1, { sequence: 6, region: 'us' }), NOW_MS)).toBe('taken')
  const { peer } = checked(1)
  expect(records.get(peer, NOW_MS)?.record.region).toBe('us')
  expect(records.get(peer, NOW_MS + 1000)).toBeUndefined()
  expect([...records.members(NOW_MS, 7)]).toHaveLength(1)
  expect([...records.members(NOW_MS, 8)]).toHaveLength(0)
})

test('a full table keeps a sample that does not depend on who is offered how often, or in what order', () => {
  const all = Array.from({ length: 40 }, (_, i) => checked(i))
  const kept = (order: readonly CheckedRecord[]) => {
    const records = table(10)
    for (const record of order) records.offer(record, NOW_MS)
    expect(records.size).toBe(10)
    return [...records.members(NOW_MS)].map(({ peer }) => peer).sort()
  }
  const once = kept(all)
  expect(kept([...all].reverse())).toEqual(once)
  expect(kept([...all, ...all, ...all.slice(5)])).toEqual(once)
})

test('what has expired goes first, what a validator vouches for stays', () => {
  const records = table(3, [50])
  const vouched = checked(1, { voucher: voucherOf(50, 1) })
  expect(records.offer(vouched, NOW_MS)).toBe('taken')
  for (let i = 2; i < 30; i++) records.offer(checked(i), NOW_MS)
  expect(records.get(vouched.peer, NOW_MS)).toBeDefined()
  expect(records.superNodes(NOW_MS).map(({ peer }) => peer)).toEqual([vouched.peer])
  for (let i = 30; i < 33; i++) records.offer(checked(i, { voucher: voucherOf(50, i) }), NOW_MS)
  expect(records.size).toBe(3)
  expect(records.superNodes(NOW_MS)).toHaveLength(3)
  const late = checkRecord(NETWORK, recordOf(60, { expiryMs: NOW_MS + 5000 }), NOW_MS + 2000)
  expect(late.ok && records.offer(late.value, NOW_MS + 2000)).toBe('taken')
})

test('a validator vouches for a few peers, and one that is not registered for none', () => {
  const records = table(100, [50])
  for (let i = 0; i < 10; i++) records.offer(checked(i, { voucher: voucherOf(50, i) }), NOW_MS)
  for (let i = 10; i < 20; i++) records.offer(checked(i, { voucher: voucherOf(51, i) }), NOW_MS)
  expect(records.superNodes(NOW_MS)).toHaveLength(PEERS_PER_VALIDATOR)
  // Its place is free again once the record of a peer no longer names it.
  const [first] = records.superNodes(NOW_MS) as [CheckedRecord]
  const index = Array.from({ length: 10 }, (_, i) => i).find((i) => peerIdOf(keyOf(i).publicKey) === first.peer)!
  records.offer(checked(index, { sequence: 2 }), NOW_MS)
  expect(records.superNodes(NOW_MS)).toHaveLength(PEERS_PER_VALIDATOR - 1)
  expect(records.offer(checked(20, { voucher: voucherOf(50, 20) }), NOW_MS)).toBe('taken')
  expect(records.superNodes(NOW_MS)).toHaveLength(PEERS_PER_VALIDATOR)
})

test('a router goes by the super nodes that are vouched for, and by what they say they serve', () => {
  const records = table(100, [50, 51])
  for (let i = 0; i < 4; i++)
    records.offer(
      checked(i, {
        vShards: [i],
        voucher: voucherOf(50 + (i % 2), i, NOW_MS + 1000 * (i + 1)),
        expiryMs: NOW_MS + 9000,
      }),
      NOW_MS,
    )
  records.offer(checked(4), NOW_MS)
  records.offer(checked(5, { roles: ROLE_BITS.shard, voucher: voucherOf(50, 5) }), NOW_MS)
  const view = (nowMs: number) =>
    overlayViewOf({ records, nowMs, seed: new Uint8Array(32), connectivity: 4, gone: new Set(), home: [] })
  const peers = [0, 1, 2, 3].map((i) => peerIdOf(keyOf(i).publicKey))
  expect(view(NOW_MS).backbone.peers).toEqual([...peers].sort())
  expect(view(NOW_MS).serves.get(peers[2] as string)).toEqual(new Set([2]))
  // The vouchers end one after the other.
  expect(view(NOW_MS + 2500).backbone.peers).toEqual(peers.slice(2).sort())
  expect(view(NOW_MS + 4000).backbone.peers).toEqual([])
})
