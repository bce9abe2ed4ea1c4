import { ArmError } from '@armchain/core'
import type { RpcHandlers } from '../rpc/handlers.ts'

/** What a development network of several validators lets one do to them. */
export interface ValidatorControl {
  list(): readonly ValidatorState[] | Promise<readonly ValidatorState[]>
  /** Ends a validator as a crash would. */
  kill(validator: number): Promise<void>
  /** Starts one again that is down. */
  restart(validator: number): Promise<void>
  /** Has one stand still: it hears, says and decides nothing. */
  pause(validator: number): void | Promise<void>
  resume(validator: number): void | Promise<void>
  /** Validators of different groups do not hear each other; one that is in no group hears all. */
  partition(groups: readonly (readonly number[])[]): void | Promise<void>
  /** Ends every partition. */
  heal(): void | Promise<void>
}

export type ValidatorState = {
  readonly validator: number
  readonly state: 'running' | 'paused' | 'down'
  readonly rpcUrl: string | undefined
  readonly heights: readonly { readonly vShard: number; readonly height: number }[]
}

/** The methods by which a testnet is made to suffer. `self` is the validator that answers: it does not end itself. */
export function validatorHandlers(control: ValidatorControl, self: number): RpcHandlers {
  const known = async (validators: readonly number[]): Promise<void> => {
    const { length } = await control.list()
    const unknown = validators.find((validator) => validator >= length)
    if (unknown !== undefined)
      throw new ArmError('ARM_NOT_FOUND', `there is no validator ${unknown}`, { hint: `0 to ${length - 1}` })
  }
  return {
    async dev_validators(_, { wait }) {
      const validators = await wait(Promise.resolve(control.list()))
      return { self, validators: validators.map(({ rpcUrl, ...state }) => ({ ...state, rpcUrl: rpcUrl ?? '' })) }
    },
    async dev_fault({ validator, action }, { wait }) {
      await wait(known([validator]))
      if (validator === self && (action === 'kill' || action === 'pause'))
        throw new ArmError('ARM_ARGUMENT', `validator ${validator} answers this call itself`, {
          hint: 'ask another validator to do it: dev_validators lists their RPC addresses',
        })
      await wait(Promise.resolve(control[action](validator)))
      const states = await wait(Promise.resolve(control.list()))
      return { validator, state: states[validator]?.state ?? 'down' }
    },
    async dev_partition({ groups }, { wait }) {
      const all = groups.flat()
      await wait(known(all))
      if (new Set(all).size < all.length)
        throw new ArmError('ARM_ARGUMENT', 'a validator is in two groups', { hint: 'for example [[0, 1], [2, 3]]' })
      await wait(Promise.resolve(control.heal()))
      await wait(Promise.resolve(control.partition(groups)))
      return { groups }
    },
    async dev_heal(_, { wait }) {
      await wait(Promise.resolve(control.heal()))
      return { healed: true }
    },
  }
}
