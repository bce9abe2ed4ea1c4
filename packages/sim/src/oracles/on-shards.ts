import type { Host } from '../host.ts'
import type { Fact } from '../node-port.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { unframe } from '../whole-wire.ts'

/** Takes the shard's number from a message once, for all who look at it in a row. */
export type Unframing = (framed: Uint8Array) => ReturnType<typeof unframe>

export function createUnframing(): Unframing {
  let last: { readonly framed: Uint8Array; readonly inner: ReturnType<typeof unframe> } | undefined
  return (framed) => {
    if (last?.framed !== framed) last = { framed, inner: unframe(framed) }
    return last.inner
  }
}

/** An oracle of engines, one for each shard of whole nodes: each sees what is of its shard, and no frames. */
export function onShards(vShards: readonly number[], opened: Unframing, make: (vShard: number) => Oracle): Oracle {
  const made = new Map(vShards.map((vShard) => [vShard, make(vShard)]))
  const [first] = made.values()

  function ask(question: (oracle: Oracle) => string | undefined): string | undefined {
    for (const [vShard, oracle] of made) {
      const message = question(oracle)
      if (message !== undefined) return named(vShard, message)
    }
    return undefined
  }

  return {
    name: first?.name ?? 'shards',
    sent(host: Host, to: number | 'all', framed: Uint8Array, nowMs: number) {
      const { shard, bytes } = opened(framed)
      return named(shard, made.get(shard)?.sent?.(host, to, bytes, nowMs))
    },
    received(host: Host, from: number, framed: Uint8Array) {
      const { shard, bytes } = opened(framed)
      made.get(shard)?.received?.(host, from, bytes)
    },
    told(host: Host, fact: Fact, nowMs: number) {
      if (!('chain' in fact) || fact.chain === undefined) return undefined
      return named(fact.chain, made.get(fact.chain)?.told?.(host, fact, nowMs))
    },
    restarted: (host: Host, nowMs: number) => ask((oracle) => oracle.restarted?.(host, nowMs)),
    looked: (view: WorldView) => ask((oracle) => oracle.looked?.(view)),
    stabilised: (view: WorldView) => ask((oracle) => oracle.stabilised?.(view)),
    ended: (view: WorldView) => ask((oracle) => oracle.ended?.(view)),
  }
}

function named(vShard: number, message: string | undefined): string | undefined {
  return message === undefined ? undefined : `vShard ${vShard}: ${message}`
}
