import { globSync } from 'node:fs'
import { defineConfig } from 'tsup'

// Entries by convention, flat in dist/, because a worker is created with `new URL('./name-worker.js', import.meta.url)`.
// Declarations come from `tsc -b`.
const named = { index: 'index', errors: 'errors', cli: 'cli', platform: 'platform', 'rpc-schema': 'rpc-schema' }
const nested = {
  'storage/archive-thread': 'archive-thread',
  'node/index': 'node',
  'node/platform': 'node-platform',
  'testing/index': 'testing',
  'simulated/index': 'simulated',
}

/** The entries of one package: name in dist/ to file. */
function entries(root: string): Record<string, string> {
  const files = globSync(`${root}/src/**/*.ts`).map((file) => [file.slice(`${root}/src/`.length, -3), `./${file}`])
  const output = new Map(Object.entries({ ...named, ...nested }))
  return Object.fromEntries(
    files.flatMap(([module = '', file = '']) => {
      const name = module.endsWith('-worker') ? module.replace(/.*\//, '') : output.get(module)
      return name === undefined ? [] : [[name, file]]
    }),
  )
}

export default defineConfig(
  globSync('packages/*').map((root) => ({
    entry: entries(root),
    outDir: `${root}/dist`,
    format: 'esm',
    platform: 'neutral',
    target: 'es2024',
    dts: false,
    clean: ['!types/**'], // Everything but the declarations.
    splitting: true,
    sourcemap: true,
    external: [/^[@#a-z]/],
  })),
)
