import { createPayload } from './abstract-chain.ts'
import { type BlockForge, type Forger, rebuildProposal } from './forgery.ts'
import type { Random } from './random.ts'

/** Forges blocks of the abstract chain: payloads that no other maker gives, with whatever mark it likes. */
export function abstractForge(forger: Forger, seed: number, random: Random): BlockForge {
  const maker = 0x4d00 + forger.seat
  let made = 0
  const payload = (mark?: Parameters<typeof createPayload>[3]): Uint8Array => createPayload(seed, maker, made++, mark)
  return {
    second: (message, parent) => rebuildProposal(forger, message, payload(), parent),
    moved: (message, parent) => message.payload && rebuildProposal(forger, message, message.payload, parent),
    bad: (message) => rebuildProposal(forger, message, payload(random.pick(['invalid', 'uncertifiable'] as const))),
    stray: () => payload(),
  }
}
