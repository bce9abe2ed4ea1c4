import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { compileKernel, KERNEL_FILE, kernelModule } from './compile-kernel.ts'

test('the binary in the repository is what its sources compile to; it imports nothing and exports one memory', async () => {
  const binary = await compileKernel()
  expect(readFileSync(KERNEL_FILE, 'utf8')).toBe(kernelModule(binary))
  const module = await WebAssembly.compile(binary as Uint8Array<ArrayBuffer>)
  expect(WebAssembly.Module.imports(module)).toEqual([])
  expect(WebAssembly.Module.exports(module).filter(({ kind }) => kind !== 'function')).toEqual([
    { name: 'memory', kind: 'memory' },
  ])
})
