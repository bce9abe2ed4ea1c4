import { mkdtemp, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { mnemonicToSeedSync } from '@scure/bip39'
import { type Hex, keccak256 } from 'viem'
import { HDKey, type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts'
import { freePort } from '../free-port.ts'
import {
  BATCH,
  batchBody,
  chunks,
  PARTS,
  type Prepared,
  postBatch,
  RECEIPTS_SAMPLED,
  type Server,
  type Side,
  sample,
  startServer,
  type Work,
} from '../side.ts'

const MNEMONIC = 'test test test test test test test test test test test junk'
const CHAIN_ID = 31_337
const POLL_MS = 10

type Signed = { readonly raws: readonly Hex[]; readonly accounts: readonly PrivateKeyAccount[] }

export type AnvilOptions = { readonly name: string; readonly setting: 'durable' | 'in-memory' }

/**
 * anvil, mining a block a second: its default, a block as soon as a transaction comes, does not get through this load
 * (version 1.7.1 spins with the pool full). Two settings:
 *
 * - `durable`: as it comes, with its state written to disk every second, the most durable that it can be. The clock still
 *   stops when all is in blocks, not when that is on disk.
 * - `in-memory`: what makes it fastest here: no limit of a block's gas, so that one block takes all that waits, and
 *   nothing on disk.
 */
export function createAnvilSide({ name, setting }: AnvilOptions): Side {
  return {
    name,
    async start(work) {
      const { raws, accounts } = await signedFor(work)
      const folder = await mkdtemp(join(tmpdir(), 'anvil-bench-'))
      const url = `http://127.0.0.1:${await freePort()}`
      const kept = ['--state', join(folder, 'state.json'), '--state-interval', '1']
      const started = await startServer(
        binary(),
        [
          ['--port', new URL(url).port, '--host', '127.0.0.1', '--quiet', '--chain-id', String(CHAIN_ID)],
          ['--accounts', String(work.accounts), '--mnemonic', MNEMONIC, '--block-time', '1'],
          setting === 'durable' ? kept : ['--gas-limit', '10000000000000'],
        ].flat(),
        () => answers(url),
      )
      const server: Server = {
        pid: started.pid,
        firstBlockMs: started.startMs,
        prepare: async (part) => {
          const before = work.count * PARTS.indexOf(part)
          const nonce = (before + work.count) / work.accounts
          return prepare(url, raws.slice(before, before + work.count), { accounts, nonce })
        },
        async [Symbol.asyncDispose]() {
          await started.stop()
          await rm(folder, { recursive: true, force: true })
        },
      }
      return server
    },
  }
}

let signed: { readonly work: Work; readonly load: Promise<Signed> } | undefined

/** The chain is the same at every start, so one set of signatures serves all runs; both parts of each. */
function signedFor(work: Work): Promise<Signed> {
  if (signed?.work !== work) signed = { work, load: sign(work) }
  return signed.load
}

/** `nonce` is what every account has when all of `raws` are in blocks. */
function prepare(
  url: string,
  raws: readonly Hex[],
  { accounts, nonce: expected }: { readonly accounts: readonly PrivateKeyAccount[]; readonly nonce: number },
): Prepared {
  const bodies = chunks(raws, BATCH).map((batch) =>
    batchBody(batch.map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] }))),
  )
  return {
    batches: bodies.map((body) => async () => void (await postBatch(url, body))),
    async included() {
      const body = batchBody([{ method: 'txpool_status', params: [] }])
      for (;;) {
        const [status] = (await postBatch(url, body)) as readonly [{ readonly pending: Hex; readonly queued: Hex }]
        if (Number(status.pending) === 0 && Number(status.queued) === 0) return
        await new Promise((resolve) => setTimeout(resolve, POLL_MS))
      }
    },
    async check() {
      for (const batch of chunks(accounts, BATCH)) {
        const calls = batch.map(({ address }) => ({
          method: 'eth_getTransactionCount',
          params: [address, 'latest'],
        }))
        const nonces = (await postBatch(url, batchBody(calls))) as readonly Hex[]
        for (const nonce of nonces)
          if (Number(nonce) !== expected) throw new Error(`anvil: a nonce is ${Number(nonce)}`)
      }
      const hashes = sample(raws, RECEIPTS_SAMPLED).map((raw) => keccak256(raw))
      const calls = hashes.map((hash) => ({ method: 'eth_getTransactionReceipt', params: [hash] }))
      const receipts = (await postBatch(url, batchBody(calls))) as readonly ({ readonly status: Hex } | null)[]
      if (receipts.some((receipt) => receipt?.status !== '0x1'))
        throw new Error('anvil: a receipt is missing or failed')
    },
  }
}

async function sign({ count, accounts: size }: Work): Promise<Signed> {
  const root = HDKey.fromMasterSeed(mnemonicToSeedSync(MNEMONIC))
  const accounts = Array.from({ length: size }, (_, i) => {
    const { privateKey } = root.derive(`m/44'/60'/0'/0/${i}`)
    return privateKeyToAccount(`0x${Buffer.from(privateKey as Uint8Array).toString('hex')}`)
  })
  const raws: Hex[] = []
  for (let i = 0; i < PARTS.length * count; i++) {
    const sender = accounts[i % size] as PrivateKeyAccount
    const receiver = accounts[(i * 7 + 1) % size] as PrivateKeyAccount
    const raw = await sender.signTransaction({
      type: 'eip1559',
      chainId: CHAIN_ID,
      nonce: Math.floor(i / size),
      gas: 21_000n,
      maxFeePerGas: 1_000_000_000_000n,
      maxPriorityFeePerGas: 1n,
      to: receiver.address,
      value: 1n,
    })
    raws.push(raw)
  }
  return { raws, accounts }
}

async function answers(url: string): Promise<boolean> {
  try {
    const [number] = await postBatch(url, batchBody([{ method: 'eth_blockNumber', params: [] }]))
    return typeof number === 'string'
  } catch {
    return false
  }
}

/** The program itself: the package's launcher would be a second process to account for. */
function binary(): string {
  const require = createRequire(import.meta.url)
  const launcher = createRequire(require.resolve('@foundry-rs/anvil/package.json'))
  const arch = process.arch === 'x64' ? 'amd64' : process.arch
  const manifest = launcher.resolve(`@foundry-rs/anvil-${process.platform}-${arch}/package.json`)
  return join(dirname(manifest), 'bin', process.platform === 'win32' ? 'anvil.exe' : 'anvil')
}
