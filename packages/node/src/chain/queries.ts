import type { Finality, Receipt, TransactionResult } from '@armchain/client/rpc-schema'
import {
  type Address,
  ArmError,
  type Receipt as ChainReceipt,
  encodeAccountProof,
  formatSchema,
  fromHex,
  GAS,
  headCodec,
  headHash,
  jsonToValue,
  messageCodec,
  parseAddress,
  type QueryContext,
  rulesVersion,
  schemeCodec,
  toHex,
  type Validator,
  valueToJson,
} from '@armchain/core'
import { anchoredHeight, auditSupply, type HostedShard } from '@armchain/shard'
import { VIEWS_PER_TURN } from '../limits.ts'
import type { RpcHandlers } from '../rpc/handlers.ts'
import { anchorProof } from './anchor-proof.ts'
import type { NodeParts } from './node-parts.ts'
import { offenceHandlers } from './offences.ts'
import { sealingOf } from './pace.ts'
import type { StoredBlock, StoredReceipts } from './stored-block.ts'
import { messageProofs, traceOf } from './trace.ts'
import { receiptView, transactionView } from './views.ts'

/** The RPC methods that read. */
export function queryHandlers(parts: NodeParts): RpcHandlers {
  return {
    ...networkHandlers(parts),
    ...economyHandlers(parts),
    ...accountHandlers(parts),
    ...blockHandlers(parts),
    ...transactionHandlers(parts),
    ...offenceHandlers(parts),
  }
}

function networkHandlers(parts: NodeParts): RpcHandlers {
  const { host, runtime, pace, version, dev } = parts
  const { scheme } = runtime
  return {
    arm_network: () =>
      host.durable(() => ({
        networkId: scheme.networkId,
        chainId: scheme.chainId,
        genesisHash: toHex(runtime.genesisHash),
        addressPrefix: scheme.addressPrefix,
        schemaVersion: scheme.version,
        blockTimeMs: sealingOf(pace) === 'interval' ? pace.blockTimeMs : 0,
        sealing: sealingOf(pace),
        signingDomain: toHex(runtime.txDomain),
        dev,
        shards: host.machine.shards.map(({ descriptor, chain }) => ({
          vShard: descriptor.key.vShard,
          prefix: '',
          born: descriptor.key.born,
          engine: descriptor.engine,
          publicKey: toHex((descriptor.validators[0] as Validator).publicKey),
          height: chain.tip.height,
        })),
        modules: runtime.modules.map(({ name, calls, queries }) => ({
          name,
          calls: Object.keys(calls ?? {}),
          queries: Object.keys(queries ?? {}),
        })),
        version,
      })),
    arm_scheme: () => ({
      encoded: toHex(schemeCodec.encode(scheme)),
      scheme: valueToJson(schemeCodec.schema, scheme),
      calls: Object.fromEntries(
        runtime.modules.map(({ name, calls }) => [
          name,
          Object.fromEntries(Object.entries(calls ?? {}).map(([call, { schema }]) => [call, formatSchema(schema)])),
        ]),
      ),
    }),
    arm_status: () =>
      host.durable(() => ({
        uptimeMs: Math.round(performance.now()),
        shards: host.machine.shards.map((hosted) => ({
          vShard: hosted.descriptor.key.vShard,
          height: hosted.chain.tip.height,
          headHash: toHex(hosted.chain.tip.hash),
          stateRoot: toHex(hosted.chain.tip.head.stateRoot),
          anchoredHeight: anchoredHeight(host.machine, hosted.descriptor.key),
          poolTransactions: hosted.pool.size,
          accounts: hosted.chain.state.accounts.count,
          baseFeeMotes: host.machine.kernelState(hosted).baseFee.toString(),
        })),
        walBytes: parts.walBytes(),
        archiveBacklogBytes: parts.history.archive.backlogBytes,
        rssBytes: process.memoryUsage.rss(),
      })),
  }
}

function economyHandlers(parts: NodeParts): RpcHandlers {
  const { host, runtime } = parts
  return {
    arm_getSupply: () =>
      host.durable(() => {
        const { main } = host.machine
        const { state } = main.chain
        const { burnt, sent, received } = host.machine.kernelState(main)
        const report = auditSupply(state, { balances: state.accounts.totalBalance, burnt, sent, received }, host.layout)
        // As of now and of the shards hosted here; the report itself is as of the last anchors.
        const held = (module: string): bigint =>
          host.machine.shards.reduce(
            (sum, { chain }) =>
              sum + chain.state.accounts.balance(chain.state.accounts.find(runtime.moduleAccount(module))),
            0n,
          )
        const locked = held('vesting')
        const pot = held('fees')
        return {
          totalMotes: report.totalMotes.toString(),
          genesisMotes: report.genesisMotes.toString(),
          balancesMotes: (report.balancesMotes - locked - pot).toString(),
          lockedMotes: locked.toString(),
          inFlightMotes: report.inFlightMotes.toString(),
          feePotMotes: pot.toString(),
          burntMotes: report.burntMotes.toString(),
          auditedAtHeight: main.chain.tip.height,
          ok: report.ok,
        }
      }),
    arm_getFees: ({ vShard }) =>
      host.durable(() => {
        const { baseFee } = host.machine.kernelState(hosted(parts, vShard))
        const transferGas = GAS.signature + 256 * GAS.txByte + 3 * GAS.accountWrite + GAS.event + 128
        return {
          baseFeeMotes: baseFee.toString(),
          suggestedTipMotes: '1',
          suggestedMaxFeeMotes: (baseFee * 4n + 1n).toString(),
          rulesVersion: rulesVersion(runtime.scheme, host.machine.main.chain.tip.height),
          transferGas,
          messageGas: transferGas + GAS.send + GAS.deliver,
        }
      }),
    arm_getPool({ vShard }) {
      const { pool } = hosted(parts, vShard)
      return {
        transactions: pool.size,
        bytes: pool.sizeBytes,
        limitTransactions: pool.limits.transactions,
        accounts: pool.accounts,
      }
    },
  }
}

function accountHandlers(parts: NodeParts): RpcHandlers {
  const { host, runtime } = parts
  return {
    arm_getAccount: ({ address }) =>
      host.durable(() => {
        const { account, vShard } = readAddress(parts, address)
        const { chain, pool } = hosted(parts, vShard)
        const { accounts } = chain.state
        const row = accounts.find(account)
        return {
          address: address.toLowerCase(),
          exists: accounts.exists(row),
          balanceMotes: accounts.balance(row).toString(),
          nonce: accounts.nonce(row),
          nextNonce: pool.nextNonce(account),
          height: chain.tip.height,
        }
      }),
    arm_getAccountProof: ({ address }) =>
      host.durable(() => {
        const { account, vShard } = readAddress(parts, address)
        const { chain } = hosted(parts, vShard)
        const { accounts } = chain.state
        const row = accounts.find(account)
        let record: Uint8Array | undefined
        if (accounts.exists(row)) {
          record = new Uint8Array(32)
          accounts.record(row, record, 0)
        }
        const proof = encodeAccountProof({ ...chain.state.proveAccount(account), record })
        const certificate = host.certificate(vShard)
        const { height, headBytes } = chain.tip
        if (certificate === undefined)
          throw new ArmError('ARM_NOT_FOUND', 'the vShard has made no block yet', {
            vShard,
            hint: 'ask again in a moment',
          })
        return {
          address: address.toLowerCase(),
          height,
          head: toHex(headBytes),
          certificate: toHex(certificate),
          proof: toHex(proof),
        }
      }),
    arm_getAnchorProof(params, context) {
      hosted(parts, params.vShard)
      return anchorProof(parts, params, context)
    },
    arm_query: ({ vShard, module, query, args }) =>
      host.durable(() => {
        const shard = hosted(parts, vShard)
        const definition = runtime.query(module, query)
        if (definition === undefined)
          throw new ArmError('ARM_NOT_FOUND', `no query ${module}.${query}`, {
            module,
            query,
            hint: 'arm_network lists the modules and their queries',
          })
        const value = jsonToValue(definition.schema, args ?? {})
        return valueToJson(definition.result, definition.run(queryContext(parts, shard, module), value))
      }),
  }
}

function blockHandlers(parts: NodeParts): RpcHandlers {
  return {
    async arm_getBlock({ vShard, height, hash, full }) {
      const stored = await findBlock(parts, vShard, height, hash)
      const { block, head, details } = stored
      const transactions = full ? await wholeTransactions(parts, stored) : stored.ids.map(toHex)
      return {
        vShard,
        height: stored.height,
        hash: toHex(stored.hash),
        head: toHex(block.head),
        details: toHex(block.details),
        certificate: toHex(block.certificate),
        timeMs: head.timeMs,
        stateRoot: toHex(head.stateRoot),
        outboxRoot: toHex(head.outboxRoot),
        txRoot: toHex(details.txRoot),
        receiptsRoot: toHex(details.receiptsRoot),
        anchored: isAnchored(parts, vShard, stored.height),
        transactions: transactions as string[],
        imports: stored.body.imports.map(({ source, sourceHeight, anchorHeight, messages }) => ({
          source: source.vShard,
          sourceHeight,
          anchorHeight,
          messages: messages.map((bytes) => {
            const { seq, traceId } = messageCodec.decode(bytes)
            return { seq, traceId: toHex(traceId) }
          }),
        })),
        anchors: stored.body.anchors.map((anchor) => anchorView(anchor.head)),
        gasUsed: details.gasUsed,
        sizeBytes: details.sizeBytes,
        sizeLimitBytes: details.sizeLimitBytes,
        baseFeeMotes: details.baseFee.toString(),
      }
    },
    async arm_getHead({ vShard, height }) {
      const { block, hash, ...stored } = await findBlock(parts, vShard, height, undefined)
      return {
        vShard,
        height: stored.height,
        hash: toHex(hash),
        head: toHex(block.head),
        details: toHex(block.details),
        certificate: toHex(block.certificate),
      }
    },
  }
}

function transactionHandlers(parts: NodeParts): RpcHandlers {
  const { runtime } = parts
  return {
    async arm_getTransaction({ txId }) {
      const id = fromHex(txId.toLowerCase())
      const waiting = parts.pending(id)
      if (waiting !== undefined)
        return transactionView(runtime, parts.addresses, { tx: waiting.tx, raw: waiting.bytes, txId: id }, undefined)
      const place = await parts.history.find(id)
      const stored = place && (await parts.history.block(place.shard, place.height))
      if (place === undefined || stored === undefined) throw notFound('transaction', txId)
      return transactionOf(parts, stored, id, place.index)
    },
    async arm_getReceipt({ txId }) {
      const receipt = await findReceipt(parts, fromHex(txId.toLowerCase()))
      if (receipt === undefined) throw notFound('receipt', txId)
      return receipt
    },
    async arm_waitForReceipt({ txId, timeoutMs = 30_000, finality }, { signal, wait }) {
      const id = fromHex(txId.toLowerCase())
      const deadline = performance.now() + timeoutMs
      // After a failure nobody would ever be told: it says so.
      if (!parts.host.health.ok) await parts.host.settled()
      const look = (): Promise<Receipt | undefined> => findReceipt(parts, id)
      const receipt = await parts.waiters.until(toHex(id), { timeoutMs, signal, wait }, look)
      if (finality !== 'anchored' || receipt.finality === 'anchored') return receipt
      const left = { timeoutMs: deadline - performance.now(), signal, wait }
      return await parts.waiters.until(`anchor:${receipt.vShard}:${receipt.height}`, left, async () => {
        const found = await look()
        return found?.finality === 'anchored' ? found : undefined
      })
    },
    arm_trace: ({ id }) => traceOf(parts, fromHex(id.toLowerCase())),
    arm_getMessageProof: async ({ traceId }) => ({
      messages: await messageProofs(parts, fromHex(traceId.toLowerCase())),
    }),
  }
}

export function hosted({ host }: NodeParts, vShard: number): HostedShard {
  const found = host.machine.shard(vShard)
  if (found === undefined)
    throw new ArmError('ARM_TX_SHARD', `unknown vShard ${vShard}`, { vShard, hint: 'arm_network lists the vShards' })
  return found
}

export function readAddress({ runtime }: NodeParts, address: string): Address {
  return parseAddress(address, runtime.scheme.addressPrefix)
}

export function isAnchored({ anchoredHeight }: NodeParts, vShard: number, height: number): boolean {
  return height <= anchoredHeight(vShard)
}

async function findReceipt(parts: NodeParts, id: Uint8Array): Promise<Receipt | undefined> {
  const place = await parts.history.find(id)
  const stored = place && (await parts.history.receipts(place.shard, place.height))
  return place && stored && storedReceipt(parts, stored, place.index)
}

function storedReceipt(parts: NodeParts, stored: StoredReceipts, index: number): Receipt {
  return receiptResult(parts, stored, parts.history.receipt(stored, index), index)
}

export function receiptResult(parts: NodeParts, stored: StoredReceipts, receipt: ChainReceipt, index: number): Receipt {
  const finality: Finality = isAnchored(parts, stored.vShard, stored.height) ? 'anchored' : 'shard-final'
  return receiptView(parts.runtime, receipt, { block: stored, index, finality })
}

/** All transactions of a block, a part in each turn of the event loop. */
async function wholeTransactions(parts: NodeParts, stored: StoredBlock): Promise<TransactionResult[]> {
  const views: TransactionResult[] = []
  for (const [index, id] of stored.ids.entries()) {
    if (index % VIEWS_PER_TURN === VIEWS_PER_TURN - 1) await new Promise((resolve) => setImmediate(resolve))
    views.push(transactionOf(parts, stored, id, index))
  }
  return views
}

function transactionOf(parts: NodeParts, stored: StoredBlock, txId: Uint8Array, index: number): TransactionResult {
  const raw = stored.body.transactions[index] as Uint8Array
  const tx = parts.runtime.transactions.decode(raw)
  return transactionView(parts.runtime, parts.addresses, { tx, raw, txId }, { height: stored.height, index })
}

async function findBlock(
  parts: NodeParts,
  vShard: number,
  height: number | undefined,
  hash: string | undefined,
): Promise<StoredBlock> {
  hosted(parts, vShard)
  // After it, all blocks made before the question are published.
  await parts.host.durable(() => undefined)
  if (hash !== undefined) return await findByHash(parts, vShard, hash.replace(/^0x/, '').toLowerCase())
  const tip = parts.publishedHeight(vShard)
  const wanted = height ?? tip
  const stored = wanted <= tip ? await parts.history.block(vShard, wanted) : undefined
  if (stored === undefined)
    throw new ArmError('ARM_NOT_FOUND', `no block ${wanted} on vShard ${vShard}`, {
      vShard,
      height: wanted,
      tip,
      hint: `its latest block is ${tip}`,
    })
  return stored
}

async function findByHash(parts: NodeParts, vShard: number, hash: string): Promise<StoredBlock> {
  const height = parts.heightOf(vShard, hash)
  const stored = height === undefined ? undefined : await parts.history.block(vShard, height)
  // A revert may have put another block there.
  if (stored === undefined || toHex(stored.hash) !== hash)
    throw new ArmError('ARM_NOT_FOUND', 'no block with that hash among the recent ones', {
      hash,
      hint: 'ask by height',
    })
  return stored
}

function queryContext({ runtime, host }: NodeParts, shard: HostedShard, module: string): QueryContext {
  const { state, tip } = shard.chain
  const account = (row: number) => state.account(row) ?? { balance: 0n, nonce: 0, keyType: 0 }
  return {
    vShard: shard.descriptor.key.vShard,
    height: tip.height,
    timeMs: tip.head.timeMs,
    rules: rulesVersion(runtime.scheme, host.machine.main.chain.tip.height),
    // Looked up, not made: a query must not grow the table.
    row: (id) => existing(state.accounts.find(id)),
    account,
    moduleRow: (name) => existing(state.accounts.find(runtime.moduleAccount(name))),
    get: (owner, key) => state.entry(owner, `${module}/${key}`),
    keys: (owner, prefix) => state.entryKeys(owner, `${module}/${prefix}`).map((key) => key.slice(module.length + 1)),
  }
}

/** An absent account must not pass for the shard's own entries, whose owner is -1. */
function existing(row: number): number {
  return row < 0 ? -2 : row
}

function anchorView(head: Uint8Array): { vShard: number; height: number; hash: string } {
  const { shard, height } = headCodec.decode(head)
  return { vShard: shard.vShard, height, hash: toHex(headHash(head)) }
}

function notFound(what: string, id: string): ArmError {
  return new ArmError('ARM_NOT_FOUND', `no ${what} with that id in a durable block`, {
    txId: id,
    hint: 'check the id and the network; a transaction that was dropped or never sent is not known',
  })
}
