import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { main } from 'assemblyscript/asc'
import { generateField } from './generate-field.ts'
import { generatePairs } from './generate-pairs.ts'
import { generateSha512 } from './generate-sha512.ts'

const assembly = resolve(import.meta.dirname, '../assembly')

/** Sources that are written by a program and never stored. */
const GENERATED: Readonly<Record<string, () => string>> = {
  'generated/field.ts': generateField,
  'generated/pairs.ts': generatePairs,
  'generated/sha512.ts': generateSha512,
}

const OPTIONS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=']
/** The builds differ in how points are computed and in nothing else. */
const BUILDS = {
  scalar: { points: 'point.ts', options: [] },
  simd: { points: 'point-pairs.ts', options: ['--enable', 'simd,relaxed-simd'] },
} as const

/** The text of a source of the kernel, by its path in `assembly/`; null if there is none. */
export function kernelSource(path: string): string | null {
  const generate = GENERATED[path]
  if (generate !== undefined) return generate()
  try {
    return readFileSync(join(assembly, path), 'utf8')
  } catch {
    return null
  }
}

/** Compiles `assembly/` to WebAssembly; the same sources and compiler give the same bytes. */
export async function compileKernel(arithmetic: keyof typeof BUILDS): Promise<Uint8Array<ArrayBuffer>> {
  return await compileSource(kernelSource('index.ts') as string, arithmetic)
}

/** The same with another source in the place of `index.ts`. */
export async function compileSource(entry: string, arithmetic: keyof typeof BUILDS): Promise<Uint8Array<ArrayBuffer>> {
  const { points, options } = BUILDS[arithmetic]
  const files: Readonly<Record<string, string>> = { 'index.ts': entry, 'point.ts': kernelSource(points) as string }
  let binary: Uint8Array<ArrayBuffer> | undefined
  const { error, stderr } = await main(['index.ts', ...OPTIONS, ...options, '--outFile', 'kernel.wasm'], {
    readFile: (name) => files[name] ?? kernelSource(name),
    listFiles: () => [],
    writeFile: (_, contents) => {
      binary = contents as Uint8Array<ArrayBuffer>
    },
  })
  if (error !== null || binary === undefined)
    throw new Error(`The kernel does not compile.\n${stderr}`, { cause: error })
  return binary
}

/** The text of `src/kernel-binary.ts`. */
export async function kernelModule(): Promise<string> {
  const [scalar, simd] = await Promise.all([compileKernel('scalar'), compileKernel('simd')])
  return `// Compiled from assembly/ by \`npm run build:kernel\`. A test compiles it again and compares.
import type { Arithmetic } from './arithmetic.ts'

/** The WebAssembly modules, of ${scalar.length} and ${simd.length} bytes, in base64. */
export const KERNEL_BASE64: Readonly<Record<Arithmetic, string>> = {
  scalar:
    '${Buffer.from(scalar).toString('base64')}',
  simd: '${Buffer.from(simd).toString('base64')}',
}
`
}

export const KERNEL_FILE: string = resolve(import.meta.dirname, '../src/kernel-binary.ts')
