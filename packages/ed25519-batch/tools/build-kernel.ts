// Compiles the kernel into `src/kernel-binary.ts`. `--source generated/field.ts` prints a generated source instead.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { KERNEL_FILE, kernelModule, kernelSource } from './compile-kernel.ts'

const { values } = parseArgs({ options: { source: { type: 'string' } } })

if (values.source !== undefined) console.log(kernelSource(values.source))
else writeFileSync(KERNEL_FILE, await kernelModule())
