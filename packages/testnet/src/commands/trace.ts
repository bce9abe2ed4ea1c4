import type { Trace } from '@armchain/client'
import { type Command, connect, RPC_OPTION } from './command.ts'

export const traceCommand: Command = {
  usage: 'trace ID [--rpc URL]                    what a transaction caused on all shards, as a waterfall',
  options: RPC_OPTION,
  positionals: [1, 1],
  async run({ values, positionals: [id], output }) {
    await using rpc = connect(values)
    const trace = await rpc.call('arm_trace', { id: id as string })
    output.value(trace)
    for (const line of waterfall(trace)) output.text(line)
  },
}

const WIDTH = 32

/** One line a step, placed by time. */
export function waterfall({ spans, done }: Trace): string[] {
  const first = spans[0]?.timeMs ?? 0
  const total = Math.max(1, (spans.at(-1)?.timeMs ?? 0) - first)
  const lines = spans.map(({ kind, vShard, height, timeMs, detail }) => {
    const at = Math.round(((timeMs - first) / total) * (WIDTH - 1))
    const bar = `${' '.repeat(at)}#`.padEnd(WIDTH)
    return `${`+${timeMs - first} ms`.padStart(9)} |${bar}| ${kind.padEnd(11)} vShard ${vShard} height ${height}  ${detail}`
  })
  return [...lines, done ? 'done: nothing of it is under way' : 'not done: something of it is under way']
}
