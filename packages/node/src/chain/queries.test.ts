import type { BlockResult, Receipt } from '@armchain/client/rpc-schema'
import { afterEach, expect, test } from 'vitest'
import { ask, call, idOf, post, signTransfer, startTestChain, users } from '../chain.fixture.ts'
import type { ArmNode, NodeOptions } from '../node.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

const open: ArmNode[] = []
afterEach(async () => {
  for (const node of open.splice(0)) await node.close()
})

async function start(options: Partial<NodeOptions> = {}): Promise<ArmNode> {
  const node = await startTestChain(options)
  open.push(node)
  return node
}

/** Makes one block of vShard 1 with so many transfers; returns its height and the first transfer. */
async function bigBlock(node: ArmNode, count: number): Promise<{ height: number; first: Uint8Array }> {
  const raws = Array.from({ length: count }, (_, i) =>
    signTransfer({ from: users[i % 8] as never, to: users[(i + 1) % 8] as never, nonce: Math.floor(i / 8) }),
  )
  expect((await node.submit(raws)).every(({ ok }) => ok)).toBe(true)
  await ask(node, 'dev_mine')
  const { height }: Receipt = await ask(node, 'arm_getReceipt', { txId: idOf(raws[0] as Uint8Array) })
  return { height, first: raws[0] as Uint8Array }
}

test('a batch of many whole blocks is cut at its budget, and others are answered in the meantime', async () => {
  const node = await start()
  const { height } = await bigBlock(node, 1_500)
  const whole: BlockResult = await ask(node, 'arm_getBlock', { vShard: 1, height, full: true })
  expect(whole.transactions.length).toBe(1_500)
  const order: string[] = []
  const batch = post(
    node,
    Array.from({ length: 160 }, (_, id) => call('arm_getBlock', { vShard: 1, height, full: true }, id)),
  ).then((answers) => {
    order.push('batch')
    return answers
  })
  for (let i = 0; i < 3; i++) {
    await ask(node, 'arm_getFees', { vShard: 1 })
    order.push('other')
  }
  const answers: Answer[] = await batch
  expect(order).toEqual(['other', 'other', 'other', 'batch'])
  expect(answers[0].result).toEqual(whole)
  expect(answers.length).toBe(160)
  expect(answers.at(-1).error.data.code).toBe('ARM_RPC_TOO_LARGE')
})
