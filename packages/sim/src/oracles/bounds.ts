import type { Host } from '../host.ts'
import type { QueueSize } from '../node-port.ts'
import type { Oracle, WorldView } from '../oracle.ts'
import { honestHosts } from '../world.ts'

/** No queue or cache grows beyond the limit that its owner names, nor keeps after the calm what is of no use any more. */
export function bounds(): Oracle {
  return {
    name: 'bounds',
    looked: ({ hosts }: WorldView) => tooMuch(hosts, ({ limit }) => limit),
    ended: (view: WorldView) => tooMuch(honestHosts(view), ({ restLimit, limit }) => restLimit ?? limit),
  }
}

function tooMuch(hosts: readonly Host[], limitOf: (queue: QueueSize) => number): string | undefined {
  for (const host of hosts)
    for (const queue of host.node?.sizes?.() ?? []) {
      const { name, size } = queue
      const limit = limitOf(queue)
      if (size > limit) return `host ${host.name}: ${name} holds ${size}, more than its limit of ${limit}`
    }
  return undefined
}
