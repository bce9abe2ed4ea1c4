// ed25519 verification: ours in batches beside one by one, sodium-native, node:crypto and noble, on the same signatures.
// Rounds go over all of them in turn, so that a slow phase of the machine slows all alike. CPU time of the thread is
// what counts (it ticks every few milliseconds, hence runs of 100 ms and more); wall time stands beside it.
import { generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createEd25519Kernel, type ItemBatch, packItems } from '@armchain/ed25519-batch'
import { ed25519 } from '@noble/curves/ed25519.js'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    run: { type: 'string', default: '150' },
    json: { type: 'string', default: resolve(import.meta.dirname, '../results/signatures.json') },
  },
})

/** The package has no types of its own. */
type Sodium = {
  crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean
}
const sodium = createRequire(import.meta.url)('sodium-native') as Sodium

type Signature = {
  readonly publicKey: Uint8Array
  readonly keyObject: KeyObject
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Verifies one batch or one signature, and says how many that were. Throws if one is refused. */
type Subject = { readonly name: string; readonly verify: () => number }
type Figure = { readonly cpuUs: number; readonly wallUs: number }

const BATCHES = [16, 64, 256, 1024]
const KEYS = 2048
/** A transfer has about as much. */
const MESSAGE_BYTES = 140
const WARM_UP_RUNS = 12

function main(): void {
  const signatures = Array.from({ length: KEYS }, (_, i) => createSignature(i))
  const subjects = [...singles(signatures), ...batches(signatures), fewSenders()]
  for (const subject of subjects) for (let i = 0; i < WARM_UP_RUNS; i++) subject.verify()
  const runs = new Map<string, Figure[]>(subjects.map(({ name }) => [name, []]))
  for (let round = 0; round < Number(values.rounds); round++)
    for (const subject of subjects) runs.get(subject.name)?.push(measure(subject, Number(values.run)))
  const medians = [...runs].map(([name, figures]) => ({
    name,
    cpuUs: median(figures.map(({ cpuUs }) => cpuUs)),
    wallUs: median(figures.map(({ wallUs }) => wallUs)),
  }))
  report(medians)
  const about = { machine: machine(), commit: commit(), messageBytes: MESSAGE_BYTES, rounds: Number(values.rounds) }
  mkdirSync(dirname(values.json), { recursive: true })
  writeFileSync(values.json, `${JSON.stringify({ ...about, medians, runs: Object.fromEntries(runs) }, null, 2)}\n`)
}

function report(medians: readonly ({ readonly name: string } & Figure)[]): void {
  const { cpu, cores, node } = machine()
  console.log(`${cpu}, ${cores} cores, Node ${node}, commit ${commit()}`)
  console.log('| | CPU us | wall us | per CPU second | against sodium-native |\n|---|---|---|---|---|')
  const native = medians.find(({ name }) => name === 'sodium-native')?.cpuUs ?? Number.NaN
  for (const { name, cpuUs, wallUs } of medians) {
    const figures = [cpuUs.toFixed(1), wallUs.toFixed(1), Math.round(1e6 / cpuUs), `${(native / cpuUs).toFixed(2)} x`]
    console.log(`| ${[name, ...figures].join(' | ')} |`)
  }
}

function createSignature(n: number, keys = generateKeyPairSync('ed25519')): Signature {
  const { privateKey, publicKey: keyObject } = keys
  const message = new Uint8Array(MESSAGE_BYTES).fill(n)
  const publicKey = keyObject.export({ type: 'spki', format: 'der' }).subarray(-32)
  return { publicKey, keyObject, message, signature: sign(null, message, privateKey) }
}

function singles(signatures: readonly Signature[]): Subject[] {
  const kernel = createEd25519Kernel({ keyCacheMax: KEYS })
  const noCache = createEd25519Kernel({ keyCacheMax: 1 })
  const each = (name: string, verifyOne: (one: Signature) => boolean, of = signatures): Subject => {
    let next = 0
    return { name, verify: () => must(verifyOne(of[next++ % of.length] as Signature), 1) }
  }
  return [
    each('noble', ({ publicKey, message, signature }) => ed25519.verify(signature, message, publicKey)),
    each('node:crypto, key imported before', ({ keyObject, message, signature }) =>
      verify(null, message, keyObject, signature),
    ),
    each('sodium-native', ({ publicKey, message, signature }) =>
      sodium.crypto_sign_verify_detached(signature, message, publicKey),
    ),
    each('ours, single, key new', ({ publicKey, message, signature }) => noCache.verify(publicKey, message, signature)),
    each(
      'ours, single, key cached',
      ({ publicKey, message, signature }) => kernel.verify(publicKey, message, signature),
      signatures.slice(0, 16),
    ),
  ]
}

function batches(signatures: readonly Signature[]): Subject[] {
  return BATCHES.flatMap((size) => {
    // With room for one batch of keys, each batch drives out the keys of the one before.
    const forgetful = createEd25519Kernel({ keyCacheMax: size })
    const kernel = createEd25519Kernel({ keyCacheMax: KEYS })
    const packed = Array.from({ length: KEYS / size }, (_, i) => packItems(signatures.slice(size * i, size * (i + 1))))
    let next = 0
    const all = (verdicts: Uint8Array): number =>
      must(verdicts.length === size && verdicts.every((verdict) => verdict === 1), size)
    return [
      {
        name: `ours, ${size}, keys new`,
        verify: () => all(forgetful.verifyBatch(packed[next++ % packed.length] as ItemBatch)),
      },
      { name: `ours, ${size}, keys cached`, verify: () => all(kernel.verifyBatch(packed[0] as ItemBatch)) },
    ]
  })
}

/** As a block of a busy chain: eight transactions a sender. */
function fewSenders(): Subject {
  const size = 1024
  const senders = Array.from({ length: size / 8 }, () => generateKeyPairSync('ed25519'))
  const packed = packItems(Array.from({ length: size }, (_, i) => createSignature(i, senders[i % senders.length])))
  const kernel = createEd25519Kernel()
  return {
    name: `ours, ${size} by ${senders.length} keys, cached`,
    verify: () =>
      must(
        kernel.verifyBatch(packed).every((verdict) => verdict === 1),
        size,
      ),
  }
}

function must(accepted: boolean, count: number): number {
  if (!accepted) throw new Error('an honest signature was refused')
  return count
}

/** Microseconds a signature, over at least `runMs` of wall time. */
function measure({ verify: run }: Subject, runMs: number): Figure {
  let count = 0
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  do count += run()
  while (performance.now() - start < runMs)
  const wallUs = 1000 * (performance.now() - start)
  const { user, system } = process.threadCpuUsage(cpu)
  return { cpuUs: (user + system) / count, wallUs: wallUs / count }
}

main()
