import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { NoSkips } from './tools/no-skips.ts'

// Public test vectors; those in the repository are found without this.
process.env.ARMCHAIN_VECTORS = resolve(import.meta.dirname, process.env.ARMCHAIN_VECTORS ?? '../shared/vectors')

const conditions = ['@armchain/source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: [
      'packages/*/{src,tools}/**/*.test.ts',
      'tools/**/*.test.ts',
      'examples/**/*.test.ts',
      'bench/src/**/*.test.ts',
    ],
    pool: 'forks',
    execArgv: ['--conditions=@armchain/source'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // `.ci/run` reads the counts from the file.
    reporters: process.env.CI
      ? ['default', new NoSkips(), ['json', { outputFile: 'node_modules/.cache/vitest.json' }]]
      : ['default'],
  },
})
