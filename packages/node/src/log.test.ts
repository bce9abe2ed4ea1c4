import { ArmError } from '@armchain/core'
import { expect, test } from 'vitest'
import { createLog, type LogLevel } from './log.ts'

function capture(level: LogLevel) {
  const lines: string[] = []
  const log = createLog({ level, destination: { write: (line) => void lines.push(line) } })
  return { log, read: () => lines.splice(0).map((line) => JSON.parse(line)) }
}

test('one JSON object a line, from the level on', () => {
  const { log, read } = capture('info')
  log.debug('hidden')
  log.child({ shard: '1' }).info('block made', { height: 5, gas: 7n })
  expect(read()).toEqual([
    { level: 'info', timeMs: expect.any(Number), shard: '1', height: 5, gas: 7, message: 'block made' },
  ])
})

test('errors keep their code, data, stack and cause', () => {
  const { log, read } = capture('error')
  const error = new ArmError('ARM_LOG_IO', 'cannot write', { path: '/x' }, { cause: new Error('ENOSPC') })
  log.error('stopped', { error })
  expect(read()[0].error).toMatchObject({
    code: 'ARM_LOG_IO',
    data: { path: '/x' },
    stack: expect.any(String),
    cause: { message: 'ENOSPC' },
  })
})

test('secrets are left out', () => {
  const { log, read } = capture('info')
  log.info('account', { mnemonic: 'a b c', account: { secretKey: 'ff', address: 'arm1' } })
  expect(read()[0]).toMatchObject({
    mnemonic: '[redacted]',
    account: { secretKey: '[redacted]', address: 'arm1' },
  })
})

test('silent by default', () => {
  expect(createLog().level).toBe('silent')
  createLog().child({}).error('nothing happens')
})
