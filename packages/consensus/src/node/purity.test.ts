import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { expect, test } from 'vitest'

// In a process of its own: what is taken away here would be missed by the test runner.
const program = resolve(import.meta.dirname, 'purity.fixture.ts')

test('protocol packages load and decide without clock, timers, chance and I/O', () => {
  const output = execFileSync(process.execPath, ['--conditions=@armchain/source', program], { encoding: 'utf8' })
  expect(JSON.parse(output)).toEqual({ simplex: expect.any(Number), poa: expect.any(Number), solo: expect.any(Number) })
  for (const height of Object.values(JSON.parse(output))) expect(height).toBeGreaterThan(10)
})

test('and the program would fail if they did use one', () => {
  expect(() =>
    execFileSync(process.execPath, ['--conditions=@armchain/source', program, 'use-clock'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }),
  ).toThrow('the clock was read')
})
