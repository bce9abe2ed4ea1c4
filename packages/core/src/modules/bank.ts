import { type Codec, compile } from '../codec/codec.ts'
import { bytes32, type StructSchema, struct, u32, u64 } from '../codec/schema.ts'
import { defineCall, defineQuery, type RuntimeModule } from '../runtime/module.ts'

export type TransferArgs = {
  /** Account id. */
  readonly to: Uint8Array
  /** vShard of the receiving sub-account. */
  readonly vShard: number
  readonly amount: bigint
}

const TRANSFER_ARGS: StructSchema = struct(['to', bytes32], ['vShard', u32], ['amount', u64])

/** Arguments of `bank.transfer`, for those who build transactions by hand. */
export const transferArgsCodec: Codec<TransferArgs> = compile(TRANSFER_ARGS)

/**
 * Moves money: inside a vShard at once, to another by a message. Moving between one's own sub-accounts is the same
 * call, with one's own account id (requirement B4).
 */
export const bank: RuntimeModule = {
  name: 'bank',
  calls: {
    transfer: defineCall<TransferArgs>({
      args: TRANSFER_ARGS,
      gas: 0,
      spends: ({ amount }) => amount,
      run(context, { to, vShard, amount }) {
        if (amount === 0n) return { code: 'ARM_CALL_AMOUNT', message: 'amount is zero' }
        if (vShard !== context.vShard) return context.send(context.sender, { vShard, to, value: amount })
        if (!context.debit(context.sender, amount))
          return { code: 'ARM_CALL_FUNDS', message: 'balance does not cover the amount' }
        context.credit(context.row(to), amount)
        context.emit('transferred', { from: context.id(context.sender), to, amount })
        return undefined
      },
    }),
  },
  events: { transferred: struct(['from', bytes32], ['to', bytes32], ['amount', u64]) },
  queries: {
    balance: defineQuery<{ account: Uint8Array }, { balance: bigint; nonce: bigint }>({
      args: struct(['account', bytes32]),
      result: struct(['balance', u64], ['nonce', u64]),
      run(context, { account }) {
        const { balance, nonce } = context.account(context.row(account))
        return { balance, nonce: BigInt(nonce) }
      },
    }),
  },
}
