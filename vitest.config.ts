import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

process.env.ARMCHAIN_VECTORS ??= resolve(import.meta.dirname, '../shared/vectors')

const conditions = ['@armchain/source', 'node', 'import', 'module', 'default']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'tools/**/*.test.ts', 'examples/**/*.test.ts'],
    pool: 'forks',
    execArgv: ['--conditions=@armchain/source'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A skipped test announces itself on a user's machine; in CI it fails the run (see .ci/run).
    reporters: process.env.CI
      ? ['default', ['json', { outputFile: 'node_modules/.cache/vitest.json' }]]
      : ['default'],
  },
})
