import { toHex } from '@armchain/core'
import type { Fact } from '../node-port.ts'
import type { Oracle } from '../oracle.ts'
import type { Signatures } from '../whole-chain.ts'

/**
 * What whole nodes make final of users: nothing but what its sender has signed, and of each sender on each shard one
 * transaction after the other, by nonces without a gap or a repeat. The first host that tells of a block is judged:
 * that the others tell of the same is `agreement`'s, as a block's hash covers its body and the state after it.
 */
export function transactions(isSigned: Signatures): Oracle {
  const judged = new Set<string>()
  const nonces = new Map<string, number>()
  return {
    name: 'transactions',
    told(_host, fact: Fact) {
      if (fact.type !== 'block') return undefined
      const place = `vShard ${fact.shard} height ${fact.height}`
      if (judged.has(place)) return undefined
      judged.add(place)
      for (const transaction of fact.transactions) {
        const sender = `${fact.shard} ${toHex(transaction.account)}`
        const expected = nonces.get(sender) ?? 0
        const { nonce } = transaction.tx
        if (nonce !== expected) return `${place}: nonce ${nonce} of an account where ${expected} is next`
        if (!isSigned(transaction)) return `${place}: a transaction that nobody has signed`
        nonces.set(sender, nonce + 1)
      }
      return undefined
    },
  }
}
