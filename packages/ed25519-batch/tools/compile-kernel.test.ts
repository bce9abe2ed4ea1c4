import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compileKernel, KERNEL_FILE, kernelModule } from './compile-kernel.ts'

test('the binaries in the repository are what their sources compile to', async () => {
  expect(readFileSync(KERNEL_FILE, 'utf8')).toBe(await kernelModule())
})

test.each(['scalar', 'simd'] as const)('%s: it imports nothing and exports one memory', async (arithmetic) => {
  const binary = await compileKernel(arithmetic)
  const module = await WebAssembly.compile(binary)
  expect(WebAssembly.Module.imports(module)).toEqual([])
  expect(WebAssembly.Module.exports(module).filter(({ kind }) => kind !== 'function')).toEqual([
    { name: 'memory', kind: 'memory' },
  ])
})
