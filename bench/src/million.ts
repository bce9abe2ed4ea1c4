// A million accounts on one vShard: memory, block time, and a proof, on the protocol parts alone (no RPC, no disk).
import { createHash } from 'node:crypto'
import {
  type Allocation,
  activeEd25519,
  bank,
  carve,
  createRuntime,
  defaultScheme,
  ed25519Validators,
  encodeAccountProof,
  fees,
  type Genesis,
  genesisHash,
  keyPairFromSecret,
  type PreparedTransaction,
  prepareTransaction,
  signTransaction,
  tokenAllocations,
  transactionId,
  transferArgsCodec,
  verifyAccountProof,
  vesting,
} from '@armchain/core'
import { genesisLayout, ShardChain, type ShardDescriptor } from '@armchain/shard'

const ACCOUNTS = Number(process.argv[2] ?? 1_000_000)
const BLOCK_TXS = 4_096
const BLOCKS = 8
const SENDERS = 1_024

const validator = keyPairFromSecret(digest('validator'))
const senders = Array.from({ length: SENDERS }, (_, i) => keyPairFromSecret(digest(`sender ${i}`)))
const ids = Array.from({ length: ACCOUNTS }, (_, i) =>
  i < SENDERS ? (senders[i] as (typeof senders)[number]).account : digest(`account ${i}`),
)

const genesis = makeGenesis()
const hash = genesisHash(genesis)
const before = memoryMiB()
const loadStart = performance.now()
const { layout, states } = genesisLayout(genesis, hash)
const loadMs = performance.now() - loadStart
const afterLoad = memoryMiB()
const runtime = createRuntime(genesis.scheme, [bank, fees, vesting], hash)
const state = states[1]
const descriptor = layout.shards[1] as ShardDescriptor
if (state === undefined || state.accounts.count < ACCOUNTS) throw new Error('the accounts are not all there')
const chain = new ShardChain({ runtime, layout, descriptor }, state)
const mainHead = {
  hash: (layout.shards[0] as ShardDescriptor).genesisHeadHash,
  shardTopsRoot: new Uint8Array(32),
  outboxRoot: new Uint8Array(32),
}

const wallMs: number[] = []
const cpuMs: number[] = []
for (let block = 0; block < BLOCKS; block++) {
  const transactions = Array.from({ length: BLOCK_TXS }, (_, i) => transfer(block * BLOCK_TXS + i))
  const cpu = process.cpuUsage()
  const start = performance.now()
  const executed = chain.propose({
    timeMs: genesis.timeMs + block + 1,
    view: 0,
    epoch: 0,
    mainHeight: 0,
    mainHead: () => mainHead,
    imports: [],
    transactions,
    anchors: [],
    congestion: 0,
    proposer: validator.account,
  })
  chain.commit(executed)
  wallMs.push(performance.now() - start)
  cpuMs.push(process.cpuUsage(cpu).user / 1000 + process.cpuUsage(cpu).system / 1000)
  if (executed.transactions.length !== BLOCK_TXS)
    throw new Error(`only ${executed.transactions.length} of ${BLOCK_TXS} transfers were included`)
}

const account = ids[ACCOUNTS - 1] as Uint8Array
const record = new Uint8Array(32)
state.accounts.record(state.accounts.find(account), record, 0)
const proof = encodeAccountProof({ ...state.proveAccount(account), record })
const proven = verifyAccountProof(chain.tip.head.stateRoot, account, proof)
if (proven?.balance !== state.accounts.balance(state.accounts.find(account)))
  throw new Error('the proof shows another balance')

console.log(
  `${ACCOUNTS} accounts: state built in ${Math.round(loadMs)} ms, ${afterLoad - before} MiB more memory (${Math.round(((afterLoad - before) * 1_048_576) / ACCOUNTS)} bytes an account)`,
)
console.log(
  `block of ${BLOCK_TXS} transfers, signatures apart: ${median(wallMs).toFixed(1)} ms wall, ${median(cpuMs).toFixed(1)} ms CPU (${((1000 * median(cpuMs)) / BLOCK_TXS).toFixed(2)} us a transfer)`,
)
console.log(`account proof: ${proof.length} bytes, checked against the head`)

function transfer(n: number): PreparedTransaction {
  const sender = senders[n % SENDERS] as (typeof senders)[number]
  const to = ids[(n * 7919) % ACCOUNTS] as Uint8Array
  const call = { module: 'bank', method: 'transfer', args: transferArgsCodec.encode({ to, vShard: 1, amount: 1n }) }
  const unsigned = {
    version: 1,
    chainId: 1337,
    vShard: 1,
    keyType: 1,
    senderKey: sender.publicKey,
    nonce: Math.floor(n / SENDERS),
    gasLimit: 3_000,
    maxFee: 10_000n,
    tip: 1n,
    expiryHeight: 1_000,
    call,
  }
  const bytes = signTransaction(runtime.transactions, unsigned, runtime.txDomain, (message) =>
    activeEd25519().sign(message, sender.secretKey),
  )
  const prepared = prepareTransaction(runtime, bytes, transactionId(bytes), sender.account)
  if (!prepared.ok) throw new Error(prepared.reason.message)
  return prepared.value
}

function makeGenesis(): Genesis {
  const shards = [0, 1].map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([validator.publicKey]) }))
  const scheme = defaultScheme({ chainId: 1337, networkId: 'bench', shards })
  const funded = ids.map(
    (id): Allocation => ({ purpose: 'bench', vShard: 1, account: id, motes: 500_000_000_000n, lock: 'free' }),
  )
  return { scheme, timeMs: 1_800_000_000_000, allocations: carve(tokenAllocations(), 'pre-mainnet-rewards', funded) }
}

function digest(text: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(text).digest())
}

function memoryMiB(): number {
  ;(globalThis as { gc?: () => void }).gc?.()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return Math.round((heapUsed + arrayBuffers) / 1_048_576)
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] as number
}
