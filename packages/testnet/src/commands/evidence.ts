import { readFile } from 'node:fs/promises'
import { createWallet, type Offences, type RpcClient } from '@armchain/client'
import { ArmError, fromHex, type Json, valueToJson, wholeShard } from '@armchain/core'
import { EVIDENCE_GAS_LIMIT, EVIDENCE_MODULE, reportArgsCodec } from '@armchain/shard'
import { printReceipt } from './chain.ts'
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
  type Values,
  wholeNumber,
} from './command.ts'

const HINT = 'evidence list [--from N] [--limit N], or evidence report VSHARD EVIDENCE'

export const evidenceCommand: Command = {
  usage: `evidence list|report VSHARD EVIDENCE    validators that contradicted themselves
  list                offences that the main shard has recorded, oldest first
  --from N            pass over so many (default 0)
  --limit N           most to list (default 20, at most 100)
  report VSHARD EVIDENCE
                      report two votes of a validator of a vShard to the main shard; EVIDENCE is hex, or @FILE
                      with such hex in it
  --max-fee AC        most that a report may cost in gas (default 1)
  --key HEX | --mnemonic "WORDS" [--index N] | --keystore FILE --password TEXT
  --rpc URL`,
  options: {
    ...RPC_OPTION,
    ...KEY_OPTIONS,
    from: { type: 'string' },
    limit: { type: 'string' },
    'max-fee': { type: 'string' },
  },
  positionals: [1, 3],
  async run({ values, positionals: [what, vShard, evidence], output }) {
    if (what === 'list' && vShard === undefined) {
      await using rpc = connect(values)
      await list(rpc, values, output)
    } else if (what === 'report' && vShard !== undefined && evidence !== undefined) {
      const shard = wholeShard(wholeNumber(vShard, 'VSHARD'))
      const args = { shard, evidence: await readEvidence(evidence) }
      await using rpc = connect(values)
      await report(rpc, valueToJson(reportArgsCodec.schema, args), values, output)
    } else
      throw new ArmError(
        'ARM_CLI_USAGE',
        `cannot do "evidence ${[what, vShard, evidence].filter(Boolean).join(' ')}"`,
        {
          hint: HINT,
        },
      )
  },
}

const HEIGHTS: Range = { min: 0, max: Number.MAX_SAFE_INTEGER }
const LIMITS: Range = { min: 1, max: 100 }

async function list(rpc: RpcClient, values: Values, output: Output): Promise<void> {
  const from = integer(values, 'from', 0, HEIGHTS)
  const page = await rpc.call('arm_getOffences', { from, limit: integer(values, 'limit', 20, LIMITS) })
  output.value(page)
  for (const line of linesOf(page, from)) output.text(line)
}

function linesOf({ total, offences }: Offences, from: number): string[] {
  const lines = offences.map(
    ({ index, offence, validator, vShard, epoch, view, height, txId }) =>
      `#${index} ${offence} by ${validator}\n  vShard ${vShard}, epoch ${epoch}, view ${view}; reported at height ${height} (armchain tx ${txId})`,
  )
  const rest = Math.max(0, total - from - offences.length)
  return [...lines, rest > 0 ? `${rest} more: --from ${from + offences.length}` : `${total} offences recorded`]
}

async function report(rpc: RpcClient, args: Json, values: Values, output: Output): Promise<void> {
  const wallet = await createWallet(rpc, await readKey(values), readFeeLimit(values))
  const call = { module: EVIDENCE_MODULE, method: 'report', args }
  const txId = await wallet.send(call, { vShard: 0, gasLimit: EVIDENCE_GAS_LIMIT })
  printReceipt(await wallet.wait(txId), output)
}

/** Hex, or what a file holds of it. Throws `ARM_HEX`, and `ARM_FILE` for a file that cannot be read. */
async function readEvidence(evidence: string): Promise<Uint8Array> {
  if (!evidence.startsWith('@')) return fromHex(evidence)
  const file = evidence.slice(1)
  try {
    return fromHex((await readFile(file, 'utf8')).trim())
  } catch (cause) {
    if (cause instanceof ArmError) throw cause
    throw new ArmError('ARM_FILE', `${file} cannot be read`, { file, hint: 'name a file with hex in it' }, { cause })
  }
}
