import { ArmError, formatAddress, MAIN_VSHARD, toHex } from '@armchain/core'
import { EVIDENCE_MODULE, type OffenceRecord, readOffences } from '@armchain/shard'
import type { RpcHandlers } from '../rpc/handlers.ts'
import type { NodeParts } from './node-parts.ts'

/** What the main shard has recorded of validators that contradicted themselves. */
export function offenceHandlers({ host, runtime }: NodeParts): RpcHandlers {
  return {
    arm_getOffences: ({ from = 0, limit = OFFENCES_DEFAULT }) =>
      host.durable(() => {
        if (!runtime.scheme.modules.includes(EVIDENCE_MODULE))
          throw new ArmError('ARM_NOT_FOUND', 'the chain records no offences', {
            hint: `its scheme does not name the module ${EVIDENCE_MODULE}`,
          })
        const { chain } = host.machine.main
        const { total, offences } = readOffences(chain.state, { from, limit })
        return { total, offences: offences.map((offence, i) => offenceView(offence, from + i)) }
      }),
  }

  function offenceView({ shard, validator, reporter, txId, id, ...offence }: OffenceRecord, index: number) {
    const account = { account: reporter, vShard: MAIN_VSHARD }
    return {
      index,
      vShard: shard.vShard,
      ...offence,
      validator: toHex(validator),
      id: toHex(id),
      reporter: formatAddress(account, runtime.scheme.addressPrefix),
      txId: toHex(txId),
    }
  }
}

const OFFENCES_DEFAULT = 20
