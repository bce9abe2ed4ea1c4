import { rpcMethods } from '@armchain/client/rpc-schema'
import { ArmError, toHex } from '@armchain/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { RPC_LIMITS, type RpcLimits } from '../limits.ts'
import { createLog } from '../log.ts'
import { createMetrics } from '../metrics.ts'
import type { RpcContext } from './handlers.ts'
import { type AnyHandler, createProcessor, type RpcProcessor } from './processor.ts'
import { RequestContext } from './request-context.ts'
import type { SubmitMany, SubmitResult } from './submit.ts'

const TX = '01020304'
const lines: string[] = []

type Setup = {
  readonly processor: RpcProcessor
  /** The calls of submitMany, as hex. */
  readonly submitted: string[][]
  readonly seen: unknown[]
}

function setUp(
  limits: Partial<RpcLimits> = {},
  submitMany?: SubmitMany,
  more: Readonly<Record<string, AnyHandler>> = {},
): Setup {
  const submitted: string[][] = []
  const seen: unknown[] = []
  const metrics = createMetrics()
  metrics.close()
  const handlers: Record<string, AnyHandler> = {
    arm_getFees: (params: { vShard: number }) => ({ ...params, baseFeeMotes: '1' }),
    arm_getAccount: async (params: never) => {
      seen.push(params)
      return { params }
    },
    arm_getHead: () => {
      throw new ArmError('ARM_NOT_FOUND', 'no such head', { height: 5n, hash: Uint8Array.of(1), hint: 'look lower' })
    },
    arm_getSupply: () => Promise.reject(new Error('secret detail of the inside')),
    arm_status: () => ({ amount: 1n }),
    arm_query: (params: { args?: unknown }) => params.args,
    arm_getBlock: (params: never) => {
      seen.push(params)
      return 'x'.repeat(600)
    },
    arm_getPool: () => new Promise(() => {}),
    ...more,
  }
  const processor = createProcessor({
    methods: rpcMethods,
    handlers: new Map(Object.entries(handlers)),
    limits: { ...RPC_LIMITS, ...limits },
    metrics: metrics.rpc,
    log: createLog({ level: 'error', destination: { write: (line) => void lines.push(line) } }),
    submitMany:
      submitMany ??
      (async (raws) => {
        submitted.push(raws.map(toHex))
        return raws.map((raw): SubmitResult => {
          if (raw[0] !== 0xee) return { ok: true, id: padded(raw) }
          const data = { expected: 3, hint: 'sign again' }
          return { ok: false, code: 'ARM_TX_NONCE_LOW', message: 'nonce is "used"', data }
        })
      }),
  })
  return { processor, submitted, seen }
}

// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely
type Answer = any

async function ask({ processor }: Setup, body: unknown): Promise<Answer> {
  const text = await processor.process(
    typeof body === 'string' || body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body)),
    new RequestContext(),
  )
  return text === undefined ? undefined : JSON.parse(text)
}

async function until(done: () => boolean): Promise<void> {
  for (let turns = 0; !done() && turns < 100_000; turns++) await new Promise((resolve) => setImmediate(resolve))
  expect(done()).toBe(true)
}

const call = (method: string, params?: unknown, id: unknown = 1) => ({ jsonrpc: '2.0', id, method, params })

describe('single calls', () => {
  test('named params, params by position, null for what is left out, ids of each kind', async () => {
    const setup = setUp()
    expect(await ask(setup, call('arm_getFees', { vShard: 2 }))).toEqual({
      jsonrpc: '2.0',
      id: 1,
      result: { vShard: 2, baseFeeMotes: '1' },
    })
    expect((await ask(setup, call('arm_getFees', [3], 'a"b'))).id).toBe('a"b')
    expect((await ask(setup, call('arm_getFees', [3], null))).id).toBe(null)
    await ask(setup, call('arm_getBlock', [0, null, 'ab'.repeat(32)]))
    expect(setup.seen).toEqual([{ vShard: 0, hash: 'ab'.repeat(32) }])
    expect((await ask(setup, call('arm_query', [0, 'bank', 'balance', { a: [1] }]))).result).toEqual({ a: [1] })
    expect((await ask(setup, call('arm_query', { vShard: 0, module: 'm', query: 'q' }))).result).toBe(null)
  })

  test.each<[string, unknown, number, string]>([
    ['not JSON', '{"jsonrpc":', -32700, 'ARM_RPC_PARSE'],
    ['empty', '', -32700, 'ARM_RPC_PARSE'],
    ['invalid UTF-8', Uint8Array.of(0x22, 0xff, 0x22), -32700, 'ARM_RPC_PARSE'],
    ['JSON that is no request', '7', -32600, 'ARM_RPC_REQUEST'],
    ['null', 'null', -32600, 'ARM_RPC_REQUEST'],
    ['no version', { id: 1, method: 'arm_status' }, -32600, 'ARM_RPC_REQUEST'],
    ['method that is no string', call(7 as never), -32600, 'ARM_RPC_REQUEST'],
    ['id that is an object', call('arm_status', {}, {}), -32600, 'ARM_RPC_REQUEST'],
    ['id beyond exact integers', '{"jsonrpc":"2.0","id":1e400,"method":"arm_status"}', -32600, 'ARM_RPC_REQUEST'],
    ['endless id', call('arm_status', {}, 'x'.repeat(300)), -32600, 'ARM_RPC_REQUEST'],
    ['unknown method', call('arm_nothing'), -32601, 'ARM_RPC_METHOD'],
    ['name of the prototype', call('constructor'), -32601, 'ARM_RPC_METHOD'],
    ['method without handler', call('arm_network'), -32601, 'ARM_RPC_METHOD'],
    ['dev method on another chain', call('dev_mine'), -32000, 'ARM_DEV_ONLY'],
    ['missing param', call('arm_getFees'), -32602, 'ARM_RPC_PARAMS'],
    ['wrong type', call('arm_getFees', { vShard: '1' }), -32602, 'ARM_RPC_PARAMS'],
    ['number out of range', call('arm_getFees', { vShard: -1 }), -32602, 'ARM_RPC_PARAMS'],
    ['fraction', call('arm_getFees', { vShard: 0.5 }), -32602, 'ARM_RPC_PARAMS'],
    ['huge number', '{"jsonrpc":"2.0","id":1,"method":"arm_getFees","params":[1e999]}', -32602, 'ARM_RPC_PARAMS'],
    ['unknown param', call('arm_getFees', { vShard: 1, more: 1 }), -32602, 'ARM_RPC_PARAMS'],
    ['too many by position', call('arm_getFees', [1, 2]), -32602, 'ARM_RPC_PARAMS'],
    ['params that are text', call('arm_getFees', 'x'), -32602, 'ARM_RPC_PARAMS'],
    ['raw that is no text', call('arm_sendTransaction', { raw: 5 }), -32602, 'ARM_RPC_PARAMS'],
    ['raw missing', call('arm_sendTransaction', []), -32602, 'ARM_RPC_PARAMS'],
    ['raw and more', call('arm_sendTransaction', { raw: TX, x: 1 }), -32602, 'ARM_RPC_PARAMS'],
    ['odd hex', call('arm_sendTransaction', ['abc']), -32000, 'ARM_HEX'],
    ['not hex', call('arm_sendTransaction', ['zz']), -32000, 'ARM_HEX'],
    ['not hex at the end', call('arm_sendTransaction', ['0xaaxx']), -32000, 'ARM_HEX'],
    ['result that JSON cannot hold', call('arm_status'), -32603, 'ARM_RPC_INTERNAL'],
  ])('%s', async (_, body, number, code) => {
    const answer = await ask(setUp(), body)
    expect(answer).toMatchObject({ jsonrpc: '2.0', error: { code: number, data: { code } } })
    expect(answer.error.message).toBeTypeOf('string')
    expect('id' in answer).toBe(true)
  })

  test('__proto__ and deep nesting in params are refused, and change nothing', async () => {
    const setup = setUp()
    const bodies = [
      '{"jsonrpc":"2.0","id":1,"method":"arm_query","params":[0,"m","q",{"__proto__":{"polluted":1}}]}',
      '{"jsonrpc":"2.0","id":1,"method":"arm_getFees","params":{"vShard":1,"__proto__":{"polluted":1}}}',
      `{"jsonrpc":"2.0","id":1,"method":"arm_query","params":[0,"m","q",${'['.repeat(50_000)}${']'.repeat(50_000)}]}`,
    ]
    for (const body of bodies) expect((await ask(setup, body)).error.data.code).toBe('ARM_RPC_PARAMS')
    expect(({} as { polluted?: unknown }).polluted).toBe(undefined)
    const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
    expect((await ask(setup, deep))[0].error.code).toBe(-32600)
    expect((await ask(setup, Buffer.from('['.repeat(8_000_000)))).error.code).toBe(-32700)
    const text = Buffer.from(JSON.stringify(call('arm_query', [0, 'm', 'q', '[{\\"'.repeat(300_000)])))
    expect((await ask(setup, text)).result).toBe('[{\\"'.repeat(300_000))
  })

  test('a refusal carries code, data and hint; a bug carries neither its message nor its stack, which are logged', async () => {
    const setup = setUp()
    const { error } = await ask(setup, call('arm_getHead', [0]))
    expect(error).toEqual({
      code: -32000,
      message: 'no such head',
      data: { code: 'ARM_NOT_FOUND', height: '5', hash: '01', hint: 'look lower' },
    })
    lines.length = 0
    const bug = await ask(setup, call('arm_getSupply'))
    expect(bug.error.data).toEqual({ code: 'ARM_RPC_INTERNAL' })
    expect(JSON.stringify(bug)).not.toMatch(/secret|\.ts/)
    expect(lines.join()).toMatch(/secret detail of the inside/)
  })

  test('a notification is carried out and not answered, whatever comes of it', async () => {
    const setup = setUp()
    for (const method of ['arm_getAccount', 'arm_nothing', 'arm_getHead', 'arm_getSupply']) {
      const params = method === 'arm_getAccount' ? ['address1'] : {}
      expect(await ask(setup, { jsonrpc: '2.0', method, params })).toBe(undefined)
    }
    expect(setup.seen).toEqual([{ address: 'address1' }])
    expect(await ask(setup, { jsonrpc: '2.0', method: 'arm_sendTransaction', params: [TX] })).toBe(undefined)
    expect(await ask(setup, { jsonrpc: '2.0', method: 'arm_sendTransaction', params: ['zz'] })).toBe(undefined)
    expect(setup.submitted).toEqual([[TX]])
  })
})

describe('transactions', () => {
  test('calls of one tick are submitted together, in order', async () => {
    const setup = setUp()
    const answers = await Promise.all(
      ['0a', '0xEE', '0c'].map((raw, i) => ask(setup, call('arm_sendTransaction', { raw }, i))),
    )
    expect(setup.submitted).toEqual([['0a', 'ee', '0c']])
    expect(answers.map(({ id }) => id)).toEqual([0, 1, 2])
    expect(answers[0].result).toEqual({ txId: '0a'.padEnd(64, '0') })
    expect(answers[1].error).toEqual({
      code: -32000,
      message: 'nonce is "used"',
      data: { code: 'ARM_TX_NONCE_LOW', expected: 3, hint: 'sign again' },
    })
  })

  test('a batch is one submission; answers keep their places among other calls', async () => {
    const setup = setUp()
    const bodies = [
      call('arm_sendTransaction', ['01'], 0),
      call('arm_getAccount', ['address1'], 1),
      { ...call('arm_sendTransaction', ['02']), id: undefined },
      call('arm_sendTransaction', ['x'], 3),
      call('arm_sendTransaction', { raw: 'ee' }, '4'),
      5,
      call('arm_getFees', [0], 6),
      call('arm_sendTransaction', [7], 7),
    ]
    const answers = await ask(setup, bodies)
    expect(setup.submitted).toEqual([['01', '02', 'ee']])
    expect(answers.map(({ id, error }: Answer) => [id, error?.data.code])).toEqual([
      [0, undefined],
      [1, undefined],
      [3, 'ARM_HEX'],
      ['4', 'ARM_TX_NONCE_LOW'],
      [null, 'ARM_RPC_REQUEST'],
      [6, undefined],
      [7, 'ARM_RPC_PARAMS'],
    ])
  })

  test('raw bytes are exact, plain arrays, and share only small chunks', async () => {
    let raws: readonly Uint8Array[] = []
    const setup = setUp({}, async (given) => {
      raws = given
      return given.map((): SubmitResult => ({ ok: true, id: new Uint8Array(32) }))
    })
    const big = 'ab'.repeat(40_000)
    const texts = ['', '00', 'ff'.repeat(225), big, '0xAbCd', ...Array.from({ length: 200 }, () => '11'.repeat(225))]
    await ask(
      setup,
      texts.map((raw, i) => call('arm_sendTransaction', [raw], i)),
    )
    expect(raws.map(toHex)).toEqual(texts.map((text) => text.replace('0x', '').toLowerCase()))
    for (const raw of raws) {
      expect(Buffer.isBuffer(raw)).toBe(false)
      expect(raw.buffer.byteLength).toBeLessThanOrEqual(Math.max(raw.length, 16_384))
    }
  })

  test.each<[string, SubmitMany, string]>([
    ['throws a bug', () => Promise.reject(new Error('inside')), 'ARM_RPC_INTERNAL'],
    ['refuses as a whole', () => Promise.reject(new ArmError('ARM_POOL_FULL', 'full')), 'ARM_POOL_FULL'],
    ['answers too few', async () => [], 'ARM_RPC_INTERNAL'],
  ])('submitMany that %s: every call is answered', async (_, submitMany, code) => {
    const setup = setUp({}, submitMany)
    const answers = await ask(setup, [call('arm_sendTransaction', [TX], 1), call('arm_sendTransaction', [TX], 2)])
    expect(answers.map(({ error }: Answer) => error.data.code)).toEqual([code, code])
    expect((await ask(setup, call('arm_sendTransaction', [TX]))).error.data.code).toBe(code)
  })
})

describe('limits', () => {
  test('batches: empty, too long, notifications only', async () => {
    const setup = setUp({ batchCalls: 3 })
    expect((await ask(setup, [])).error.data.code).toBe('ARM_RPC_REQUEST')
    expect((await ask(setup, [1, 2, 3])).length).toBe(3)
    expect((await ask(setup, [1, 2, 3, 4])).error.data).toMatchObject({ code: 'ARM_RPC_TOO_LARGE', limitCalls: 3 })
    expect(await ask(setup, [{ jsonrpc: '2.0', method: 'arm_getFees', params: [0] }])).toBe(undefined)
  })

  test('an answer that grows too large is cut call by call, and what follows is not carried out', async () => {
    const setup = setUp({ batchAnswerBytes: 1000 })
    const answers = await ask(
      setup,
      [1, 2, 3, 4].map((id) => call('arm_getBlock', [0], id)),
    )
    const codes = answers.map(({ error }: Answer) => error?.data.code)
    expect(codes).toEqual([undefined, 'ARM_RPC_TOO_LARGE', 'ARM_RPC_TOO_LARGE', 'ARM_RPC_TOO_LARGE'])
    expect(setup.seen.length).toBe(2)
    const small = setUp({ answerBytes: 100 })
    expect((await ask(small, call('arm_getBlock', [0]))).error.data.code).toBe('ARM_RPC_TOO_LARGE')
  })

  test('calls of a batch run a few at a time, and the event loop goes round in between', async () => {
    let running = 0
    let most = 0
    const setup = setUp({ callsPerBatch: 3 }, undefined, {
      arm_getPool: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setImmediate(resolve))
        running--
        return 1
      },
    })
    let turns = 0
    const count = (): void => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    const answers = await ask(
      setup,
      Array.from({ length: 60 }, (_, id) => call('arm_getPool', [0], id)),
    )
    clearImmediate(timer)
    expect(answers.map(({ id, result }: Answer) => [id, result])).toEqual(
      Array.from({ length: 60 }, (_, id) => [id, 1]),
    )
    expect(most).toBeLessThanOrEqual(3)
    expect(turns).toBeGreaterThanOrEqual(20)
  })

  test('a batch whose calls take too much work is cut, and what follows is not carried out', async () => {
    let calls = 0
    const setup = setUp({ batchWorkMs: 5 }, undefined, {
      arm_getPool: () => {
        calls++
        for (const end = performance.now() + 4; performance.now() < end; );
        return 1
      },
    })
    const answers = await ask(
      setup,
      Array.from({ length: 50 }, (_, id) => call('arm_getPool', [0], id)),
    )
    expect(calls).toBeLessThan(10)
    expect(answers.length).toBe(50)
    expect(answers.at(-1).error.data).toEqual({
      code: 'ARM_RPC_TOO_LARGE',
      limitMs: 5,
      hint: 'ask for less in one request',
    })
  })

  test('waits of a batch are all begun, hold up nothing, and do not count as work', async () => {
    const waiting: (() => void)[] = []
    const setup = setUp({ callsPerBatch: 2, runningCalls: 2, inFlightRequests: 1 }, undefined, {
      arm_waitForReceipt: async (_: never, context: RpcContext) => {
        await context.wait(new Promise<void>((resolve) => waiting.push(resolve)))
        return 'told'
      },
    })
    const waits = Array.from({ length: 500 }, (_, id) => call('arm_waitForReceipt', ['ab'.repeat(32)], id))
    const batch = ask(setup, [...waits, call('arm_sendTransaction', [TX], 'sent'), call('arm_getFees', [1], 'last')])
    await until(() => waiting.length === 500 && setup.submitted.length === 1 && setup.processor.inFlight() === 0)
    expect((await ask(setup, call('arm_getFees', [0]))).result).toMatchObject({ vShard: 0 })
    for (const tell of waiting) tell()
    const answers = await batch
    expect(answers.length).toBe(502)
    expect(answers.every(({ result }: Answer) => result !== undefined)).toBe(true)
    expect(setup.processor.inFlight()).toBe(0)
  })

  test('waits have limits of their own: of a connection, and together a share for each', async () => {
    const setup = setUp({ waits: 4, waitsPerConnection: 3 }, undefined, {
      arm_waitForReceipt: (_: never, context: RpcContext) =>
        context.wait(
          new Promise((_resolve, reject) =>
            context.signal.addEventListener('abort', () => reject(context.signal.reason)),
          ),
        ),
    })
    const waiting = (context: RequestContext, count: number): Promise<Answer[]>[] =>
      Array.from({ length: count }, async () => {
        const text = await setup.processor.process(
          JSON.stringify(call('arm_waitForReceipt', ['ab'.repeat(32)])),
          context,
        )
        return JSON.parse(text as string)
      })
    const [greedy, other, late] = [new RequestContext(), new RequestContext(), new RequestContext()]
    const many = waiting(greedy, 4)
    expect(await many[3]).toMatchObject({ error: { data: { code: 'ARM_RPC_BUSY', limit: 3 } } })
    const three = waiting(other, 3)
    expect(await three[2]).toMatchObject({ error: { data: { code: 'ARM_RPC_BUSY', limit: 2 } } })
    // All are taken, but one that holds none yet has its share.
    const one = waiting(late, 1)
    expect([greedy.load.waits, other.load.waits, late.load.waits]).toEqual([3, 2, 1])
    for (const context of [greedy, other, late]) context.abort(new ArmError('ARM_RPC_CLOSED', 'gone'))
    await Promise.all([...many, ...three, ...one])
    expect([greedy.load.waits, other.load.waits, late.load.waits]).toEqual([0, 0, 0])
  })

  test('at the limit of requests in flight each call is refused by its id', async () => {
    const setup = setUp({ inFlightRequests: 1 })
    void setup.processor.process(JSON.stringify(call('arm_getPool', [0])), new RequestContext())
    expect(setup.processor.busy()).toBe(true)
    expect(await ask(setup, call('arm_getFees', [0], 7))).toMatchObject({
      id: 7,
      error: { data: { code: 'ARM_RPC_BUSY' } },
    })
    expect(await ask(setup, [call('arm_getFees', [0], 8)])).toMatchObject([{ id: 8 }])
    expect(setup.processor.inFlight()).toBe(1)
  })
})

/** Any answer is JSON-RPC 2.0: one object or a non-empty array of them. */
function expectWellFormed(text: string | undefined): void {
  if (text === undefined) return
  const answer = JSON.parse(text)
  for (const item of Array.isArray(answer) ? answer : [answer]) {
    expect(item.jsonrpc).toBe('2.0')
    expect(item.id === null || ['string', 'number'].includes(typeof item.id)).toBe(true)
    expect('result' in item).not.toBe('error' in item)
    if (!item.error) continue
    expect(Number.isInteger(item.error.code)).toBe(true)
    expect(item.error.message).toBeTypeOf('string')
    expect(item.error.data.code).toMatch(/^ARM_/)
    expect(item.error.data.code).not.toBe('ARM_RPC_INTERNAL')
  }
  if (Array.isArray(answer)) expect(answer.length).toBeGreaterThan(0)
}

describe('10,000 arbitrary bodies are answered well', () => {
  const names = Object.keys(rpcMethods).filter((name) => !/getSupply|status|getPool/.test(name))
  const weird = fc.oneof(
    fc.jsonValue(),
    fc.constantFrom<unknown>(null, -1, 0.5, 1e300, '', '0x', TX, '0xzz', [], {}, [[]], ['__proto__'], { raw: TX }),
  )
  const request = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record(
        { jsonrpc: fc.constant('2.0'), id: weird, method: fc.constantFrom(...names), params: weird },
        { requiredKeys: ['jsonrpc', 'method'] },
      ),
    },
    { weight: 1, arbitrary: weird },
  )
  const body = fc.oneof(request, fc.array(request, { maxLength: 6 })).map((value) => JSON.stringify(value) ?? '')
  const setup = setUp()
  const check = async (bytes: Uint8Array | string) =>
    expectWellFormed(await setup.processor.process(bytes, new RequestContext()))

  test('generated', () => fc.assert(fc.asyncProperty(body, check), { numRuns: 4_000 }))

  test('mutated', () =>
    fc.assert(
      fc.asyncProperty(
        body,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (text, edits) => {
          const bytes = Buffer.from(text)
          for (const [at, byte] of edits) if (bytes.length > 0) bytes[at % bytes.length] = byte
          return check(bytes)
        },
      ),
      { numRuns: 4_000 },
    ))

  test('bytes', () => fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), check), { numRuns: 2_000 }))
})

/** An id that shows which transaction it is of. */
function padded(raw: Uint8Array): Uint8Array {
  const id = new Uint8Array(32)
  id.set(raw.subarray(0, 32))
  return id
}
