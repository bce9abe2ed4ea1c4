import { ArmError } from '@armchain/core'
import { type Command, connect, integer, RPC_OPTION } from './command.ts'

const HINT = 'dev snapshot, dev revert ID, or dev mine [N]'

export const devCommand: Command = {
  usage: `dev snapshot|revert ID|mine [N]          take a development chain back, or make its blocks
  snapshot            remember the chain as it is; prints the ID
  revert ID           return to a snapshot; later blocks, and what waits, are lost
  mine [N]            make N blocks on every vShard now (default 1)
  --rpc URL`,
  options: RPC_OPTION,
  positionals: [1, 2],
  async run({ values, positionals: [what, argument], output }) {
    await using rpc = connect(values)
    if (what === 'snapshot' && argument === undefined) {
      const snapshot = await rpc.call('dev_snapshot')
      output.value(snapshot)
      output.text(`${snapshot.snapshotId} (armchain dev revert ${snapshot.snapshotId})`)
    } else if (what === 'revert' && argument !== undefined) {
      output.value(await rpc.call('dev_revert', { snapshotId: argument }))
      output.text(`the chain is back at ${argument}`)
    } else if (what === 'mine') {
      const count = argument === undefined ? 1 : integer({ N: argument }, 'N', 1)
      const mined = await rpc.call('dev_mine', { count })
      output.value(mined)
      for (const { vShard, height } of mined.heights) output.text(`vShard ${vShard} height ${height}`)
    } else
      throw new ArmError('ARM_CLI_USAGE', `cannot do "dev ${[what, argument].filter(Boolean).join(' ')}"`, {
        hint: HINT,
      })
  },
}
