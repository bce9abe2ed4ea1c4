// Runs after `npm install`: starts a testnet once and stops it, so that what Node makes of the source is kept and the
// user's first start is as quick as every later one. JavaScript, because the Node that installs may be an older one.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const LONGEST_MS = 60_000
const STOP_MS = 10_000
const folder = mkdtempSync(join(tmpdir(), 'armchain-first-start-'))
const config = join(folder, 'config.json')
const cli = join(import.meta.dirname, '../packages/testnet/bin/armchain.mjs')
const child = spawn(process.execPath, [cli, 'testnet', '--port', '0', '--config-out', config], { stdio: 'ignore' })
const ended = new Promise((resolve) => {
  child.once('exit', resolve)
  child.once('error', resolve)
})
let running = true
void ended.then(() => {
  running = false
})
const since = performance.now()
while (running && !existsSync(config) && performance.now() - since < LONGEST_MS) await sleep(20)
// The install is complete either way; what is wrong shows at `npm start`, with its reason.
if (!existsSync(config)) console.log('armchain: the trial start did not succeed; the first start will take longer')
child.kill('SIGTERM')
setTimeout(() => child.kill('SIGKILL'), STOP_MS).unref()
await ended
rmSync(folder, { recursive: true, force: true })
