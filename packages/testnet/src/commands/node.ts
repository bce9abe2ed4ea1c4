import { ArmError, toHex } from '@armchain/core'
import { createLog, type Log } from '@armchain/node'
import { nodeConfigSchema } from '../node-process/node-config.ts'
import { type NodeSetup, type RunningProcess, readSetup, runNode } from '../node-process/run-node.ts'
import { stopSignal } from '../node-process/stop-signal.ts'
import { type NodeReady, Supervised } from '../node-process/supervised.ts'
import { type Command, integer, type Output, text, type Values } from './command.ts'

const PROGRESS_EVERY_MS = 2_000

export const nodeCommand: Command = {
  usage: `node --config FILE [options]            run one node of a network: a validator, or one that follows
  --config FILE       its configuration, as JSON (docs/nodes.md)
  --role ROLE         validator, full or super, instead of what the file says
  --port P            RPC port, instead of what the file says
  --log LEVEL         debug, info, warn, error or silent, instead of what the file says
  --peer-id           print the peer id of its network key, which is made if there is none, and end
  --schema            print the JSON Schema of configurations, and end
  Prints one line of JSON once it serves, and others while it catches up. Ends at SIGTERM or SIGINT.`,
  options: {
    config: { type: 'string' },
    role: { type: 'string' },
    port: { type: 'string' },
    log: { type: 'string' },
    'peer-id': { type: 'boolean' },
    schema: { type: 'boolean' },
    // For testnets: the process ends with the one that started it, which it asks to do what dev_fault and the like say.
    supervised: { type: 'boolean' },
  },
  positionals: [0, 0],
  async run({ values, output }) {
    if (values.schema) return print(output, nodeConfigSchema)
    const file = text(values, 'config')
    if (file === undefined)
      throw new ArmError('ARM_CLI_USAGE', 'no configuration was given', {
        hint: 'armchain node --config FILE; armchain node --schema prints what may be in it',
      })
    const setup = await readSetup(file, overridesOf(values))
    if (values['peer-id']) return print(output, { peerId: setup.peerId })
    await runUntilStopped(setup, { output, isSupervised: values.supervised === true })
  },
}

async function runUntilStopped(
  setup: NodeSetup,
  { output, isSupervised }: { readonly output: Output; readonly isSupervised: boolean },
): Promise<void> {
  using stopped = stopSignal(isSupervised ? ['SIGTERM'] : undefined)
  const log: Log = createLog({ level: setup.config.log ?? 'info' })
  const supervised = isSupervised ? new Supervised(process, () => process.exit(1)) : undefined
  const running = await runNode(setup, {
    log,
    onFailure: stopped.fail,
    ...(supervised && { control: supervised.control }),
  })
  try {
    const ready = readyOf(setup, running)
    print(output, { ready: true, ...ready })
    await supervised?.ready(running, ready)
    using _progress = showProgress(running, output)
    await stopped.promise
  } finally {
    await running.close()
  }
}

function readyOf({ config, genesis }: NodeSetup, { node, peerId, addresses, validator }: RunningProcess): NodeReady {
  return {
    role: config.role,
    validator: validator ?? null,
    networkId: genesis.scheme.networkId,
    genesisHash: toHex(node.runtime.genesisHash),
    peerId,
    addresses,
    rpc: node.url ?? '',
    ws: node.wsUrl ?? '',
    recovered: node.recovered.blocks,
  }
}

/** A line now and then while others have final blocks that this node has not. */
function showProgress({ node }: RunningProcess, output: Output): Disposable {
  let wasBehind = false
  const timer = setInterval(() => {
    const { behind } = node
    // A block or two may be under way at any moment.
    const isBehind = behind.some(({ height, wanted }) => wanted - height > 2)
    if (isBehind) output.text(JSON.stringify({ catchingUp: behind }))
    else if (wasBehind) output.text(JSON.stringify({ caughtUp: true }))
    wasBehind = isBehind
  }, PROGRESS_EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}

/** One line of JSON, with --json or without. */
function print(output: Output, value: object): void {
  output.value(value)
  output.text(JSON.stringify(value))
}

/** Fields that the command line gives; whether they may be so is looked at with the rest. */
function overridesOf(values: Values): object {
  const { role, log } = values
  const port = values.port === undefined ? undefined : integer(values, 'port', 0, { min: 0, max: 65_535 })
  return {
    ...(role !== undefined && { role }),
    ...(log !== undefined && { log }),
    ...(port !== undefined && { rpc: { port } }),
  }
}
