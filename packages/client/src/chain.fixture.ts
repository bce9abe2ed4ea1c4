// A real chain behind a real RPC client, without a socket: what it answers can be changed on the way, as a liar would.
import { createSoloEngine } from '@armchain/consensus'
import {
  type Allocation,
  accountIdOf,
  activeEd25519,
  bank,
  carve,
  createRuntime,
  defaultScheme,
  ed25519Validators,
  encodeAccountProof,
  fees,
  formatAddress,
  formatSchema,
  fromHex,
  type Genesis,
  genesisHash,
  importCodec,
  type KeyPair,
  keyPairFromSecret,
  messageCodec,
  parseAddress,
  prepareTransaction,
  type Scheme,
  schemeCodec,
  sha256,
  toHex,
  tokenAllocations,
  transactionId,
  transactionMessage,
  utf8,
  type Validator,
  vesting,
} from '@armchain/core'
import { ChainMachine, genesisLayout, type HostedShard, proveShardTop, type SealedBlock } from '@armchain/shard'
import { createRpcClient, type RpcClient } from './rpc-client.ts'

export const USER_MOTES: bigint = 1_000_000_000n
export const users: readonly KeyPair[] = Array.from({ length: 3 }, (_, i) =>
  keyPairFromSecret(sha256(utf8(`user ${i}`))),
)
const validator = keyPairFromSecret(sha256(utf8('validator')))
const V_SHARDS = [0, 1, 2]

/** Given what the chain answers, what the client is told instead. */
export type Liar = (method: string, answer: Answer) => unknown
export type Answer = Readonly<Record<string, unknown>>
type Params = {
  readonly vShard: number
  readonly address: string
  readonly raw: string
  readonly height: number
  readonly traceId: string
}

export type TestChain = {
  readonly genesis: Genesis
  readonly rpc: RpcClient
  /** Makes a block on every vShard, the main shard last, or on those given, in that order. */
  seal(vShards?: readonly number[]): void
  /** Time of the latest block. */
  nowMs(): number
  lie(liar: Liar): void
  address(user: number, vShard: number): string
}

export function createTestChain(parts: Partial<Scheme> = {}): TestChain {
  const shards = V_SHARDS.map((vShard) => ({ vShard, engine: 'solo', ...ed25519Validators([validator.publicKey]) }))
  const scheme = defaultScheme({ chainId: 7, networkId: 'test', shards, ...parts })
  const funded = V_SHARDS.flatMap((vShard) =>
    users.map(({ account }): Allocation => ({ purpose: 'user', vShard, account, motes: USER_MOTES, lock: 'free' })),
  )
  const genesis = { scheme, timeMs: 1_000, allocations: carve(tokenAllocations(), 'early-sales', funded) }
  const machine = createMachine(genesis)
  machine.start(1_000)
  const blocks: SealedBlock[] = []
  let nowMs = 1_000
  let liar: Liar = (_, answer) => answer
  const handlers = { ...handlersOf(machine, genesis, blocks), ...proofHandlers(blocks) }
  const rpc = createRpcClient({
    url: 'http://chain.test',
    async fetch(_, init) {
      const { id, method, params } = JSON.parse(String(init?.body))
      return Response.json({
        jsonrpc: '2.0',
        id,
        ...outcomeOf(() => liar(method, handlers[method]?.(params) as Answer)),
      })
    },
  })
  function seal(vShards: readonly number[] = [...V_SHARDS].reverse()): void {
    for (const shard of vShards) {
      nowMs += 10
      for (const effect of machine.step(nowMs, { type: 'seal', shard }))
        if (effect.type === 'sealed') blocks.push(effect.sealed)
    }
  }
  seal()
  const address = (user: number, vShard: number) =>
    formatAddress({ account: (users[user] as KeyPair).account, vShard }, scheme.addressPrefix)
  function lie(next: Liar): void {
    liar = next
  }
  return { genesis, rpc, seal, nowMs: () => nowMs, address, lie }
}

function createMachine(genesis: Genesis): ChainMachine {
  const hash = genesisHash(genesis)
  const { layout, states } = genesisLayout(genesis, hash)
  const sign = (message: Uint8Array) => activeEd25519().sign(message, validator.secretKey)
  return new ChainMachine({
    runtime: createRuntime(genesis.scheme, [bank, fees, vesting], hash),
    layout,
    states,
    engines: { solo: createSoloEngine },
    pace: { blockTimeMs: 0, idleMs: 0, mode: 'manual' },
    signer: () => ({ index: 0, account: validator.account, sign }),
  })
}

function outcomeOf(answer: () => unknown): { result: unknown } | { error: object } {
  try {
    return { result: answer() }
  } catch (error) {
    const { code, message } = error as { code?: string; message: string }
    return { error: { code: -32000, message, data: { code } } }
  }
}

/** As the node answers, for what clients are tested with. */
function handlersOf(
  machine: ChainMachine,
  { scheme }: Genesis,
  blocks: readonly SealedBlock[],
): Readonly<Record<string, (params: Params) => Answer>> {
  const { runtime } = machine.config
  const shardOf = (vShard: number) => machine.shard(vShard) as HostedShard
  const headOf = (vShard: number) => ({
    vShard,
    height: shardOf(vShard).chain.tip.height,
    head: toHex(shardOf(vShard).chain.tip.headBytes),
    certificate: toHex(blocks.findLast(({ shard }) => shard.vShard === vShard)?.certificate as Uint8Array),
  })
  return {
    arm_network: () => ({
      networkId: scheme.networkId,
      chainId: scheme.chainId,
      genesisHash: toHex(runtime.genesisHash),
      addressPrefix: scheme.addressPrefix,
      schemaVersion: scheme.version,
      signingDomain: toHex(runtime.txDomain),
      shards: scheme.shards.map(({ vShard, validators: [first] }) => ({
        vShard,
        publicKey: toHex((first as Validator).publicKey),
      })),
    }),
    arm_scheme: () => ({
      encoded: toHex(schemeCodec.encode(scheme)),
      calls: Object.fromEntries(
        runtime.modules.map(({ name, calls = {} }) => [
          name,
          Object.fromEntries(Object.entries(calls).map(([method, { schema }]) => [method, formatSchema(schema)])),
        ]),
      ),
    }),
    arm_getHead: ({ vShard }) => headOf(vShard),
    arm_getFees: ({ vShard }) => {
      const { baseFee } = machine.kernelState(shardOf(vShard))
      return { suggestedMaxFeeMotes: `${4n * baseFee}`, suggestedTipMotes: '1', rulesVersion: 1 }
    },
    arm_getAccount({ address }) {
      const { account, vShard } = parseAddress(address, scheme.addressPrefix)
      const { chain, pool } = shardOf(vShard)
      const { accounts } = chain.state
      const row = accounts.find(account)
      return {
        balanceMotes: `${accounts.balance(row)}`,
        nonce: accounts.nonce(row),
        nextNonce: pool.nextNonce(account),
        height: chain.tip.height,
      }
    },
    arm_getAccountProof({ address }) {
      const { account, vShard } = parseAddress(address, scheme.addressPrefix)
      const { state } = shardOf(vShard).chain
      const row = state.accounts.find(account)
      let record: Uint8Array | undefined
      if (state.accounts.exists(row)) {
        record = new Uint8Array(32)
        state.accounts.record(row, record, 0)
      }
      return { ...headOf(vShard), proof: toHex(encodeAccountProof({ ...state.proveAccount(account), record })) }
    },
    arm_sendTransaction: ({ raw }) => ({ txId: toHex(admit(machine, fromHex(raw))) }),
  }
}

function proofHandlers(blocks: readonly SealedBlock[]): Readonly<Record<string, (params: Params) => Answer>> {
  const mainBlocks = () => blocks.filter(({ shard }) => shard.vShard === 0)
  const anchorOf = (main: SealedBlock) => ({
    anchorHead: toHex(main.executed.block.head),
    anchorCertificate: toHex(main.certificate),
  })
  return {
    arm_getAnchorProof({ vShard, height }) {
      for (const main of mainBlocks()) {
        const { anchors } = main.executed
        const topIndex = anchors.findIndex(({ head }) => head.shard.vShard === vShard && head.height === height)
        const found = anchors[topIndex]
        if (found === undefined) continue
        const topProof = proveShardTop(anchors, topIndex).map(toHex)
        return { top: toHex(found.top), topIndex, topCount: anchors.length, topProof, ...anchorOf(main) }
      }
      throw Object.assign(new Error('not anchored'), { code: 'ARM_RPC_TIMEOUT' })
    },
    arm_getMessageProof: ({ traceId }) => ({
      messages: blocks.flatMap(({ executed, shard }) =>
        executed.imports.flatMap((item) =>
          item.messages.flatMap((bytes) => {
            const message = messageCodec.decode(bytes)
            const main = mainBlocks().find((each) => each.executed.height === item.anchorHeight)
            if (toHex(message.traceId) !== traceId || main === undefined) return []
            const place = { source: item.source.vShard, destination: shard.vShard, seq: message.seq }
            return [{ ...place, message: toHex(bytes), proof: toHex(importCodec.encode(item)), ...anchorOf(main) }]
          }),
        ),
      ),
    }),
  }
}

function admit(machine: ChainMachine, bytes: Uint8Array): Uint8Array {
  const { runtime } = machine.config
  const { senderKey, signature } = runtime.transactions.decode(bytes)
  const message = transactionMessage(runtime.txDomain, bytes)
  if (!activeEd25519().verify({ publicKey: senderKey, message, signature }))
    throw Object.assign(new Error('bad signature'), { code: 'ARM_TX_SIGNATURE' })
  const id = transactionId(bytes)
  const prepared = prepareTransaction(runtime, bytes, id, accountIdOf(senderKey))
  const outcome = prepared.ok ? machine.admit(0, prepared.value) : prepared
  if (!outcome.ok) throw Object.assign(new Error(outcome.reason.message), { code: outcome.reason.code })
  return id
}
