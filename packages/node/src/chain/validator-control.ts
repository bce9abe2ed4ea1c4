import { ArmError } from '@armchain/core'
import type { RpcHandlers } from '../rpc/handlers.ts'

/** What a development network of several validators lets one do to them. */
export interface ValidatorControl {
  list(): readonly ValidatorState[]
  /** Ends a validator as a crash would. */
  kill(validator: number): Promise<void>
  /** Starts one again that is down. */
  restart(validator: number): Promise<void>
  /** Has one stand still: it hears, says and decides nothing. */
  pause(validator: number): void
  resume(validator: number): void
  /** Validators of different groups do not hear each other; one that is in no group hears all. */
  partition(groups: readonly (readonly number[])[]): void
  /** Ends every partition. */
  heal(): void
}

export type ValidatorState = {
  readonly validator: number
  readonly state: 'running' | 'paused' | 'down'
  readonly rpcUrl: string | undefined
  readonly heights: readonly { readonly vShard: number; readonly height: number }[]
}

/** The methods by which a testnet is made to suffer. `self` is the validator that answers: it does not end itself. */
export function validatorHandlers(control: ValidatorControl, self: number): RpcHandlers {
  const known = (validator: number): void => {
    const { length } = control.list()
    if (validator >= length)
      throw new ArmError('ARM_NOT_FOUND', `there is no validator ${validator}`, { hint: `0 to ${length - 1}` })
  }
  return {
    dev_validators: () => ({
      self,
      validators: control.list().map(({ rpcUrl, ...state }) => ({ ...state, rpcUrl: rpcUrl ?? '' })),
    }),
    async dev_fault({ validator, action }, { wait }) {
      known(validator)
      if (validator === self && (action === 'kill' || action === 'pause'))
        throw new ArmError('ARM_ARGUMENT', `validator ${validator} answers this call itself`, {
          hint: 'ask another validator to do it: dev_validators lists their RPC addresses',
        })
      if (action === 'kill') await wait(control.kill(validator))
      else if (action === 'restart') await wait(control.restart(validator))
      else control[action](validator)
      return { validator, state: control.list()[validator]?.state ?? 'down' }
    },
    dev_partition({ groups }) {
      const all = groups.flat()
      for (const validator of all) known(validator)
      if (new Set(all).size < all.length)
        throw new ArmError('ARM_ARGUMENT', 'a validator is in two groups', { hint: 'for example [[0, 1], [2, 3]]' })
      control.heal()
      control.partition(groups)
      return { groups }
    },
    dev_heal() {
      control.heal()
      return { healed: true }
    },
  }
}
