// Runs every example from source, one after the other: an example that does not end well within its time fails.
import { spawnSync } from 'node:child_process'
import { globSync } from 'node:fs'
import { resolve } from 'node:path'

const EXAMPLE_TIMEOUT_MS = 120_000

const root = resolve(import.meta.dirname, '..')
const examples = globSync('examples/*.ts', { cwd: root }).filter((file) => !file.endsWith('.test.ts'))
const failed = examples.sort().filter((example) => {
  console.log(`> ${example}`)
  const { status } = spawnSync(process.execPath, ['--conditions=@armchain/source', example], {
    cwd: root,
    stdio: 'inherit',
    timeout: EXAMPLE_TIMEOUT_MS,
    killSignal: 'SIGKILL',
  })
  return status !== 0
})

if (examples.length === 0) console.error('there is no example to run')
for (const example of failed) console.error(`failed: ${example}`)
process.exitCode = examples.length === 0 || failed.length > 0 ? 1 : 0
