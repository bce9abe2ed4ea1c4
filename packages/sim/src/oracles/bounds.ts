import type { Oracle, WorldView } from '../oracle.ts'

/** No queue or cache grows beyond the limit that its owner names. */
export function bounds(): Oracle {
  return {
    name: 'bounds',
    looked({ hosts }: WorldView) {
      for (const host of hosts)
        for (const { name, size, limit } of host.node?.sizes?.() ?? [])
          if (size > limit) return `host ${host.name}: ${name} holds ${size}, more than its limit of ${limit}`
      return undefined
    },
  }
}
