import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { main } from 'assemblyscript/asc'
import { generateField } from './generate-field.ts'
import { generateSha512 } from './generate-sha512.ts'

const assembly = resolve(import.meta.dirname, '../assembly')

/** Sources that are written by a program and never stored. */
const GENERATED: Readonly<Record<string, () => string>> = {
  'generated/field.ts': generateField,
  'generated/sha512.ts': generateSha512,
}

const OPTIONS = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--use', 'abort=']

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
export async function compileKernel(): Promise<Uint8Array> {
  let binary: Uint8Array | undefined
  const { error, stderr } = await main(['index.ts', ...OPTIONS, '--outFile', 'kernel.wasm'], {
    readFile: (name) => kernelSource(name),
    listFiles: () => [],
    writeFile: (_, contents) => {
      binary = contents as Uint8Array
    },
  })
  if (error !== null || binary === undefined)
    throw new Error(`The kernel does not compile.\n${stderr}`, { cause: error })
  return binary
}

/** The text of `src/kernel-binary.ts`. */
export function kernelModule(binary: Uint8Array): string {
  return `// Compiled from assembly/ by \`npm run build:kernel\`. A test compiles it again and compares.

/** The WebAssembly module, ${binary.length} bytes, in base64. */
export const KERNEL_BASE64: string =
  '${Buffer.from(binary).toString('base64')}'
`
}

export const KERNEL_FILE: string = resolve(import.meta.dirname, '../src/kernel-binary.ts')
