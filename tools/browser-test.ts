// Bundles the client for browsers, opens it in headless Chromium against a running testnet, and has it pay and check.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { startTestnet } from '@armchain/testnet'
import { build } from 'esbuild'

const TIMEOUT_MS = 60_000
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) =>
  existsSync(path),
)
/** Keeps Chromium from calling home, which a closed network would refuse. */
const FLAGS =
  '--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync'

type PageResult = { readonly ok: boolean; readonly detail: string }

const root = resolve(import.meta.dirname, '..')
const profile = mkdtempSync(join(tmpdir(), 'armchain-browser-'))

try {
  if (CHROMIUM === undefined) throw new Error('no Chromium found: apt-get install chromium')
  const bundle = await bundlePage()
  console.log(`bundle: ${bundle.length} bytes, ${gzipSync(bundle).length} gzipped`)
  await using testnet = await startTestnet({ shards: 2 })
  const [sender, receiver] = testnet.accounts
  const result = await openPage(CHROMIUM, bundle, {
    url: testnet.rpcUrl,
    secretKey: sender?.secretKey,
    to: receiver?.address,
  })
  if (!result.ok) throw new Error(`the page failed: ${result.detail}`)
  console.log(`in Chromium: ${result.detail}`)
} catch (error) {
  console.error(`browser test failed: ${error instanceof Error ? error.message : error}`)
  process.exitCode = 1
} finally {
  rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
}

async function bundlePage(): Promise<Uint8Array> {
  const { outputFiles } = await build({
    entryPoints: [join(root, 'tools/browser-page.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    conditions: ['@armchain/source'],
    write: false,
    logLevel: 'error',
  })
  return outputFiles[0]?.contents as Uint8Array
}

/** Serves the page on loopback; the page posts what came of it. */
async function openPage(chromium: string, bundle: Uint8Array, setup: object): Promise<PageResult> {
  const { promise, resolve: finish, reject } = Promise.withResolvers<PageResult>()
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      let body = ''
      request.on('data', (chunk: Buffer) => {
        body += chunk
      })
      request.on('end', () => {
        response.end()
        finish(JSON.parse(body) as PageResult)
      })
    } else if (request.url === '/page.js') response.setHeader('content-type', 'text/javascript').end(bundle)
    else
      response
        .setHeader('content-type', 'text/html')
        .end(`<script>setup = ${JSON.stringify(setup)}</script><script type="module" src="/page.js"></script>`)
  })
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  const browser = spawn(chromium, [...FLAGS.split(' '), `--user-data-dir=${profile}`, url], { stdio: 'ignore' })
  const exited = new Promise((done) => browser.once('exit', done))
  const timer = setTimeout(() => reject(new Error(`the page gave no result within ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
  browser.once('error', reject)
  try {
    return await promise
  } finally {
    clearTimeout(timer)
    browser.kill()
    await exited
    server.close()
  }
}
