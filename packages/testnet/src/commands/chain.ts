import { createWallet, type Receipt } from '@armchain/client'
import { ArmError, type ErrorCode, formatAc, parseAc } from '@armchain/core'
import {
  type Command,
  connect,
  integer,
  KEY_OPTIONS,
  type Output,
  type Range,
  RPC_OPTION,
  readFeeLimit,
  readKey,
  text,
  wholeNumber,
} from './command.ts'

export const transferCommand: Command = {
  usage: `transfer ADDRESS AMOUNT [options]       pay AC, inside a vShard or to another
  --from V            vShard of the paying sub-account (default: that of ADDRESS)
  --wait FINALITY     shard-final (default) or anchored
  --max-fee AC        most that it may cost in gas (default 1)
  --key HEX | --mnemonic "WORDS" [--index N] | --keystore FILE --password TEXT
  --rpc URL`,
  options: {
    ...RPC_OPTION,
    ...KEY_OPTIONS,
    from: { type: 'string' },
    wait: { type: 'string' },
    'max-fee': { type: 'string' },
  },
  positionals: [2, 2],
  async run({ values, positionals, output }) {
    const [to, amount] = positionals as [string, string]
    const finality = text(values, 'wait') ?? 'shard-final'
    if (finality !== 'shard-final' && finality !== 'anchored')
      throw new ArmError('ARM_CLI_USAGE', '--wait is shard-final or anchored', {
        finality,
        hint: 'anchored is what other shards may act on',
      })
    const motes = parseAc(amount)
    const limit = readFeeLimit(values)
    const key = await readKey(values)
    await using rpc = connect(values)
    const wallet = await createWallet(rpc, key, limit)
    const from = text(values, 'from')
    const txId = await wallet.transfer(to, motes, from === undefined ? {} : { vShard: integer(values, 'from', 0) })
    printReceipt(await wallet.wait(txId, finality), output)
  },
}

export const balanceCommand: Command = {
  usage: 'balance ADDRESS [--rpc URL]             balance and nonce of an address',
  options: RPC_OPTION,
  positionals: [1, 1],
  async run({ values, positionals: [address], output }) {
    await using rpc = connect(values)
    const account = await rpc.call('arm_getAccount', { address: address as string })
    output.value(account)
    output.text(
      `${formatAc(BigInt(account.balanceMotes))} AC, nonce ${account.nonce}, at height ${account.height}${account.exists ? '' : ' (never used)'}`,
    )
  },
}

export const faucetCommand: Command = {
  usage: 'faucet ADDRESS [AMOUNT] [--rpc URL]     test money on a development chain (default 100 AC)',
  options: RPC_OPTION,
  positionals: [1, 2],
  async run({ values, positionals: [address, amount], output }) {
    await using rpc = connect(values)
    const { txId } = await rpc.call('dev_faucet', {
      address: address as string,
      ...(amount !== undefined && { amountMotes: parseAc(amount).toString() }),
    })
    printReceipt(await rpc.call('arm_waitForReceipt', { txId }), output)
  },
}

export const txCommand: Command = {
  usage: 'tx ID [--rpc URL]                       a transaction and its receipt',
  options: RPC_OPTION,
  positionals: [1, 1],
  async run({ values, positionals: [id], output }) {
    await using rpc = connect(values)
    const transaction = await rpc.call('arm_getTransaction', { txId: id as string })
    const receipt = transaction.status === 'included' ? await rpc.call('arm_getReceipt', { txId: id as string }) : null
    output.value({ transaction, receipt })
    output.text(`${transaction.call.module}.${transaction.call.method} ${JSON.stringify(transaction.call.args)}`)
    output.text(`from ${transaction.sender}, nonce ${transaction.nonce}, ${transaction.status}`)
    if (receipt) describe(receipt, output)
  },
}

export const blockCommand: Command = {
  usage: `block [VSHARD] [HEIGHT] [--rpc URL]     a block; the main shard's latest by default`,
  options: RPC_OPTION,
  positionals: [0, 2],
  async run({ values, positionals: [vShard = '0', height], output }) {
    await using rpc = connect(values)
    const params = {
      vShard: wholeNumber(vShard, 'VSHARD'),
      ...(height !== undefined && { height: wholeNumber(height, 'HEIGHT', HEIGHTS) }),
    }
    const block = await rpc.call('arm_getBlock', params)
    output.value(block)
    output.text(`vShard ${block.vShard} height ${block.height}, ${new Date(block.timeMs).toISOString()}`)
    output.text(`  hash ${block.hash}\n  state root ${block.stateRoot}`)
    output.text(
      `  ${block.transactions.length} transactions, ${block.imports.length} imports, ${block.anchors.length} anchors, ${block.sizeBytes} bytes`,
    )
  },
}

const HEIGHTS: Range = { min: 0, max: Number.MAX_SAFE_INTEGER }

/** Throws the code of a call that failed: it is in a block, but has not done what it was to do. */
export function printReceipt(receipt: Receipt, output: Output): void {
  const { ok, code, message, vShard, height, txId } = receipt
  if (!ok)
    throw new ArmError(code as ErrorCode, `the call failed: ${message}`, {
      receipt,
      hint: `it is in block ${height} of vShard ${vShard} and its fee is kept; see: armchain tx ${txId}`,
    })
  output.value(receipt)
  describe(receipt, output)
}

function describe(receipt: Receipt, output: Output): void {
  output.text(`${receipt.ok ? 'ok' : `failed: ${receipt.code} (${receipt.message})`}  ${receipt.txId}`)
  output.text(
    `  vShard ${receipt.vShard}, height ${receipt.height}, ${receipt.finality}, fee ${formatAc(BigInt(receipt.feeMotes))} AC`,
  )
  for (const { seq, destination, valueMotes } of receipt.messages)
    output.text(
      `  message #${seq} to vShard ${destination}, ${formatAc(BigInt(valueMotes))} AC (armchain trace ${receipt.txId})`,
    )
}
