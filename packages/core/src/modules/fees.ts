import { struct, u64 } from '../codec/schema.ts'
import { defineQuery, type RuntimeModule } from '../runtime/module.ts'

/**
 * Where fees go. The kernel charges them, because they bracket every call; this module owns the account on which the
 * part that is not burnt collects.
 */
export const fees: RuntimeModule = {
  name: 'fees',
  queries: {
    collected: defineQuery<unknown, { motes: bigint }>({
      args: struct(),
      result: struct(['motes', u64]),
      run: (context) => ({ motes: context.account(context.moduleRow('fees')).balance }),
    }),
  },
}
