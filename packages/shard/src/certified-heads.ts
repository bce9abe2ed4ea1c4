import { concatBytes, sha256, toHex } from '@armchain/core'
import { CERTIFIED_HEADS_KEPT } from './limits.ts'

/**
 * Heads that became final in this machine, each with the certificate that came with it: the engine made that one of votes
 * it had checked, or it was checked as the block was taken from a peer or written to the log. So the main shard's chain
 * need not check their signatures again when it anchors them, which without this is a tenth of what a block costs.
 *
 * The head's bytes name its chain, shard and epoch, and so the committee; another certificate for the same head is
 * another entry, and is checked. Bounded: the oldest is forgotten first, and then checked like any other.
 */
export class CertifiedHeads {
  readonly #max: number
  readonly #known: Set<string> = new Set()

  constructor(max: number = CERTIFIED_HEADS_KEPT) {
    this.#max = max
  }

  add(headHash: Uint8Array, certificate: Uint8Array): void {
    this.#known.add(nameOf(headHash, certificate))
    if (this.#known.size > this.#max) this.#known.delete(this.#known.values().next().value as string)
  }

  has(headHash: Uint8Array, certificate: Uint8Array): boolean {
    return this.#known.has(nameOf(headHash, certificate))
  }
}

/** A hash of both, so that no entry keeps the block alive whose bytes they are part of. */
function nameOf(headHash: Uint8Array, certificate: Uint8Array): string {
  return toHex(sha256(concatBytes(headHash, certificate)))
}
