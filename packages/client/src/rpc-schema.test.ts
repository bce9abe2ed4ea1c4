import { ERROR_CODES } from '@armchain/core'
import { describe, expect, expectTypeOf, test } from 'vitest'
import {
  openRpcDocument,
  paramsCheck,
  type Receipt,
  type RpcMethods,
  type RpcParams,
  rpcErrorNumber,
  rpcMethods,
} from './rpc-schema.ts'

describe('OpenRPC document', () => {
  const document = openRpcDocument(rpcMethods, { version: '1.2.3', url: 'http://127.0.0.1:1' })

  test('has the shape that OpenRPC 1.3 asks for', () => {
    expect(document.openrpc).toMatch(/^1\.3\.\d+$/)
    expect(document.info).toMatchObject({ title: expect.any(String), version: '1.2.3' })
    expect(document.methods.map(({ name }) => name).sort()).toEqual(Object.keys(rpcMethods).sort())
    for (const { name, summary, params, result, errors } of document.methods) {
      expect(summary, name).not.toBe('')
      expect(result).toMatchObject({ name: expect.any(String), schema: expect.any(Object) })
      for (const param of params) {
        expect(param).toMatchObject({ name: expect.any(String), required: expect.any(Boolean) })
        expect(param.schema, `${name} ${param.name}`).toHaveProperty('description')
      }
      // By position, what is optional must come last.
      const required = params.map((param) => param.required)
      expect(required, name).toEqual([...required].sort((a, b) => Number(b) - Number(a)))
      // The errors of one method differ in their number.
      expect(new Set(errors.map(({ code }) => code)).size).toBe(errors.length)
    }
    for (const [code, error] of Object.entries(document.components.errors)) {
      expect(ERROR_CODES).toContain(code)
      expect(error).toEqual({ code: expect.any(Number), message: code, data: { code } })
    }
  })

  test('is JSON', () => {
    expect(JSON.parse(JSON.stringify(document))).toEqual(document)
  })

  test('marks development methods', () => {
    const marked = document.methods.filter(({ tags }) => tags !== undefined).map(({ name }) => name)
    expect(marked).toEqual(Object.keys(rpcMethods).filter((name) => name.startsWith('dev_')))
  })
})

describe('params', () => {
  test.each<[keyof RpcMethods, object, RegExp | undefined]>([
    ['arm_getBlock', { vShard: 0 }, undefined],
    ['arm_getBlock', { vShard: 0, height: 3, full: true }, undefined],
    ['arm_getBlock', {}, /vShard/],
    ['arm_getBlock', { vShard: 2 ** 32 }, /vShard/],
    ['arm_getBlock', { vShard: 0, hash: 'zz' }, /hash/],
    ['arm_getBlock', { vShard: 0, other: 1 }, /unknown param "other"/],
    ['arm_getReceipt', { txId: `0x${'AB'.repeat(32)}` }, undefined],
    ['arm_getReceipt', { txId: 'ab'.repeat(33) }, /txId/],
    ['arm_waitForReceipt', { txId: 'ab'.repeat(32), timeoutMs: 1e9 }, /timeoutMs/],
    ['arm_waitForReceipt', { txId: 'ab'.repeat(32), finality: 'soon' }, /finality/],
    ['arm_subscribe', { topic: 'everything' }, /topic/],
    ['dev_faucet', { address: 'arm1xxxxxxx', amountMotes: '-1' }, /amountMotes/],
    ['arm_status', JSON.parse('{"__proto__":1}'), /unknown param "__proto__"/],
  ])('%s %j', (name, params, problem) => {
    const found = paramsCheck(rpcMethods[name])(params)
    if (problem) expect(found).toMatch(problem)
    else expect(found).toBe(undefined)
  })
})

test('types follow the schema', () => {
  expectTypeOf<RpcParams<'arm_getHead'>>().toEqualTypeOf<{ readonly vShard: number; readonly height?: number }>()
  expectTypeOf<RpcMethods['arm_sendTransaction']['result']>().toEqualTypeOf<{ readonly txId: string }>()
  expectTypeOf<Receipt['finality']>().toEqualTypeOf<'shard-final' | 'anchored'>()
  expectTypeOf<Receipt['code']>().toEqualTypeOf<string | null>()
  expectTypeOf<Receipt['durable']>().toEqualTypeOf<true>()
  expectTypeOf<RpcMethods['arm_trace']['result']['spans'][number]['kind']>().toEqualTypeOf<
    'submitted' | 'included' | 'shard-final' | 'anchored' | 'delivered' | 'bounced' | 'refunded'
  >()
})

test("error numbers: the standard's own, else -32000", () => {
  const own = ['ARM_RPC_PARSE', 'ARM_RPC_REQUEST', 'ARM_RPC_METHOD', 'ARM_RPC_PARAMS', 'ARM_RPC_INTERNAL'] as const
  expect(own.map(rpcErrorNumber)).toEqual([-32700, -32600, -32601, -32602, -32603])
  expect(rpcErrorNumber('ARM_TX_FUNDS')).toBe(-32000)
})
