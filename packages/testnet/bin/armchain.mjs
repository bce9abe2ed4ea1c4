#!/usr/bin/env node
// Starts the command line. In a source checkout it runs the source on the Node that the repository pins, whatever the
// Node that started this file; in an installed package it runs the build.
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const source = join(here, '../src/cli.ts')
const build = join(here, '../dist/cli.js')
const [major, minor] = process.versions.node.split('.').map(Number)
const modern = major > 22 || (major === 22 && minor >= 18)

if (existsSync(source)) run(modern ? process.execPath : pinnedNode(), ['--conditions=@armchain/source', source])
else if (modern) await import(build)
else run(pinnedNode(), [build])

function pinnedNode() {
  for (let folder = here; ; folder = dirname(folder)) {
    const binary = join(folder, 'node_modules/node/bin/node')
    if (existsSync(binary)) return binary
    if (dirname(folder) === folder) break
  }
  console.error(`armchain needs Node 22.18 or newer, and this is ${process.version}.`)
  console.error('Install a newer Node, or add one to the project: npm install --save-dev node@24')
  process.exit(1)
}

function run(binary, args) {
  const all = [...args, ...process.argv.slice(2)]
  // A checkout runs its source: what Node makes of it is kept, so that only the first start pays for it.
  if (existsSync(source)) process.env.NODE_COMPILE_CACHE ??= join(here, '../../../node_modules/.cache/compile')
  if (binary === process.execPath && typeof process.execve === 'function') {
    process.execve(binary, [binary, ...all], process.env)
  }
  const child = spawn(binary, all, { stdio: 'inherit', env: process.env })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal))
  child.on('exit', (code, signal) => {
    if (signal) {
      process.removeAllListeners(signal)
      process.kill(process.pid, signal)
    } else process.exit(code ?? 1)
  })
}
