import { afterEach, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { addressOf, ask, idOf, signTransfer, startTestChain, testKey, users } from '../chain.fixture.ts'
import type { ArmNode } from '../node.ts'

const [alice, bob, carol] = users as [(typeof users)[0], (typeof users)[0], (typeof users)[0]]
const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

async function start(): Promise<ArmNode> {
  const node = await startTestChain()
  ends.push(() => node.close())
  return node
}

// biome-ignore lint/suspicious/noExplicitAny: notifications are looked into freely
type Notification = any

/** What one subscription is told; throws what it was refused with. */
async function listen(node: ArmNode, filter: object): Promise<Notification[]> {
  const socket = new WebSocket(node.wsUrl as string)
  ends.push(async () => socket.terminate())
  const told: Notification[] = []
  await new Promise((resolve) => socket.once('open', resolve))
  const answer = new Promise<Notification>((resolve) =>
    socket.once('message', (data) => resolve(JSON.parse(String(data)))),
  )
  socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'arm_subscribe', params: filter }))
  const { error } = await answer
  if (error) throw Object.assign(new Error(error.message), { code: error.data.code })
  socket.on('message', (data) => told.push(JSON.parse(String(data)).params.result))
  return told
}

/** Enough rounds for a message to be delivered, or bounced and returned. */
async function mine(node: ArmNode): Promise<void> {
  await ask(node, 'dev_mine', { count: 8 })
}

async function until(done: () => boolean): Promise<void> {
  for (let turns = 0; !done() && turns < 100_000; turns++) await new Promise((resolve) => setImmediate(resolve))
}

test('the receiver of a payment inside a shard hears it, by receipt and by event; others do not', async () => {
  const node = await start()
  const address = addressOf(bob, 1)
  const receipts = await listen(node, { topic: 'receipts', address: address.toUpperCase() })
  const events = await listen(node, { topic: 'events', address })
  const elsewhere = await listen(node, { topic: 'receipts', address: addressOf(bob, 2) })
  const stranger = await listen(node, { topic: 'receipts', address: addressOf(carol, 1) })
  const raw = signTransfer({ from: alice, to: bob, nonce: 0, amount: 7n })
  await node.submit([raw])
  await mine(node)
  await until(() => receipts.length > 0 && events.length > 0)
  expect(receipts).toEqual(
    [await ask(node, 'arm_getReceipt', { txId: idOf(raw) })].map((each) => ({ ...each, finality: 'shard-final' })),
  )
  expect(events).toMatchObject([
    { module: 'bank', name: 'transferred', data: { amount: '7' }, txId: idOf(raw), vShard: 1 },
  ])
  expect([elsewhere, stranger]).toEqual([[], []])
})

test('the receiver of a payment from another shard hears its delivery, and so does the sender', async () => {
  const node = await start()
  const receiver = testKey('new account')
  const receipts = await listen(node, { topic: 'receipts', address: addressOf(receiver, 2) })
  const events = await listen(node, { topic: 'events', address: addressOf(receiver, 2) })
  const sender = await listen(node, { topic: 'receipts', address: addressOf(alice, 1) })
  const raw = signTransfer({ from: alice, to: receiver, nonce: 0, toShard: 2, amount: 9n })
  const followed = await listen(node, { topic: 'receipts', txId: idOf(raw) })
  await node.submit([raw])
  await mine(node)
  await until(() => receipts.length > 0 && events.length > 0 && sender.length > 1 && followed.length > 1)
  const delivery = {
    kind: 'delivered',
    source: 1,
    seq: 0,
    from: addressOf(alice, 1),
    to: addressOf(receiver, 2),
    valueMotes: '9',
  }
  expect(receipts).toMatchObject([{ txId: idOf(raw), traceId: idOf(raw), vShard: 2, ok: true, delivery }])
  expect(events).toMatchObject([{ module: 'bank', name: 'received', data: { amount: '9', source: 1 }, vShard: 2 }])
  for (const told of [sender, followed]) {
    expect(told.map(({ vShard }) => vShard)).toEqual([1, 2])
    expect(told[1]).toMatchObject({ delivery })
  }
})

test('an address that is none, or of another network, is refused when subscribing', async () => {
  const node = await start()
  for (const address of ['not an address', `${addressOf(bob, 1)}q`, addressOf(bob, 1).replace('1', '1x')])
    await expect(listen(node, { topic: 'events', address })).rejects.toMatchObject({ code: 'ARM_ADDRESS' })
})
