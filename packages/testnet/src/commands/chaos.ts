import { runChaos } from '../chaos.ts'
import { type Command, connect, integer, RPC_OPTION } from './command.ts'

export const chaosCommand: Command = {
  usage: `chaos [options]                         crash, pause and cut off validators of a running testnet, and show that it heals
  --rounds N          faults, one after the other (default 5)
  --hold MS           how long each lasts (default 3000)
  --seed S            the same faults in the same order for the same seed (default: drawn)
  --rpc URL           of a testnet that was started with --validators 4 or more`,
  options: { ...RPC_OPTION, rounds: { type: 'string' }, hold: { type: 'string' }, seed: { type: 'string' } },
  positionals: [0, 0],
  async run({ values, output }) {
    await using rpc = connect(values)
    const report = await runChaos(rpc, {
      rounds: integer(values, 'rounds', 5, { min: 1, max: 10_000 }),
      holdMs: integer(values, 'hold', 3_000, { min: 100, max: 600_000 }),
      seed: integer(values, 'seed', Math.floor(Math.random() * 1_000_000)),
      onProgress: (line) => output.text(line),
    })
    output.value(report)
    const slowest = Math.max(...report.rounds.map(({ healedMs }) => healedMs))
    output.text(
      `healed from all ${report.rounds.length} faults, the slowest in ${slowest} ms; all validators agree, and all ${report.payments} payments are in blocks`,
    )
  },
}
