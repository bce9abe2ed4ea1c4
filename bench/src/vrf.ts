// ECVRF verification on the WebAssembly kernel beside noble's points alone, on the same proofs. Rounds go over all subjects
// in turn, so that a slow phase of the machine slows all alike; CPU time of the thread is what counts.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { createEd25519Kernel } from '@armchain/ed25519-batch'
import { type Ecvrf, type EcvrfSuite, ecvrf, referenceVerify } from '@armchain/vrf'
import { ed25519 } from '@noble/curves/ed25519.js'
import { median } from './compare.ts'
import { commit, machine } from './machine.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '7' },
    run: { type: 'string', default: '150' },
    json: { type: 'string', default: resolve(import.meta.dirname, '../results/vrf.json') },
  },
})

type Proven = { readonly publicKey: Uint8Array; readonly alpha: Uint8Array; readonly proof: Uint8Array }
/** Does its work once. Throws if a proof is refused. */
type Subject = { readonly name: string; readonly suite: EcvrfSuite; readonly run: () => void }
type Figure = { readonly cpuUs: number; readonly wallUs: number }

const SUITES: readonly EcvrfSuite[] = ['ECVRF-EDWARDS25519-SHA512-ELL2', 'ECVRF-EDWARDS25519-SHA512-TAI']
const PROOFS = 32
/** A domain of 32 bytes, and a place. */
const ALPHA_BYTES = 51
const WARM_UP_RUNS = 100

function main(): void {
  const scalar = createEd25519Kernel({ keyCacheMax: 1, arithmetic: 'scalar' })
  const subjects = SUITES.flatMap((suite) =>
    subjectsOf(
      suite,
      ecvrf(suite),
      ecvrf(suite, () => scalar),
    ),
  )
  for (const { run } of subjects) for (let i = 0; i < WARM_UP_RUNS; i++) run()
  const runs = new Map<Subject, Figure[]>(subjects.map((subject) => [subject, []]))
  for (let round = 0; round < Number(values.rounds); round++)
    for (const subject of subjects) runs.get(subject)?.push(measure(subject, Number(values.run)))
  const medians = [...runs].map(([{ name, suite }, figures]) => ({
    name,
    suite,
    cpuUs: median(figures.map(({ cpuUs }) => cpuUs)),
    wallUs: median(figures.map(({ wallUs }) => wallUs)),
  }))
  report(medians)
  mkdirSync(dirname(values.json), { recursive: true })
  const about = { machine: machine(), commit: commit(), rounds: Number(values.rounds) }
  writeFileSync(values.json, `${JSON.stringify({ ...about, medians }, null, 2)}\n`)
}

function subjectsOf(suite: EcvrfSuite, fast: Ecvrf, scalar: Ecvrf): Subject[] {
  const secretKey = new Uint8Array(32).fill(3)
  const proven = Array.from({ length: PROOFS }, (_, i): Proven => {
    const alpha = new Uint8Array(ALPHA_BYTES).fill(i)
    const secret = secretKey.with(0, i)
    return { publicKey: ed25519.getPublicKey(secret), alpha, proof: fast.prove(secret, alpha) }
  })
  let next = 0
  const each = (name: string, verify: (one: Proven) => unknown): Subject => ({
    name,
    suite,
    run: () => {
      if (verify(proven[next++ % PROOFS] as Proven) === false) throw new Error('an honest proof was refused')
    },
  })
  return [
    each('verify, noble alone', ({ publicKey, alpha, proof }) => referenceVerify(suite, publicKey, alpha, proof)),
    each('verify, kernel', ({ publicKey, alpha, proof }) => fast.verify(publicKey, alpha, proof)),
    each('verify, kernel without SIMD', ({ publicKey, alpha, proof }) => scalar.verify(publicKey, alpha, proof)),
    each('prove', ({ alpha }) => fast.prove(secretKey, alpha)),
  ]
}

/** Microseconds a run, over at least `runMs` of wall time. */
function measure({ run }: Subject, runMs: number): Figure {
  let count = 0
  const cpu = process.threadCpuUsage()
  const start = performance.now()
  do {
    run()
    count++
  } while (performance.now() - start < runMs)
  const wallUs = 1000 * (performance.now() - start)
  const { user, system } = process.threadCpuUsage(cpu)
  return { cpuUs: (user + system) / count, wallUs: wallUs / count }
}

function report(medians: readonly (Figure & { readonly name: string; readonly suite: EcvrfSuite })[]): void {
  const { cpu, cores, node } = machine()
  console.log(`${cpu}, ${cores} cores, Node ${node}, commit ${commit()}`)
  console.log('| suite | | CPU us | wall us | noble alone / this |\n|---|---|---|---|---|')
  for (const { name, suite, cpuUs, wallUs } of medians) {
    const plain = medians.find((each) => each.suite === suite)?.cpuUs ?? Number.NaN
    const times = name.startsWith('verify') ? `${(plain / cpuUs).toFixed(1)} x` : '-'
    console.log(`| ${[suite.split('-').at(-1), name, cpuUs.toFixed(0), wallUs.toFixed(0), times].join(' | ')} |`)
  }
}

main()
