import { type Block, blockCodec } from '@armchain/core'
import { decodeOr } from './abstract-chain.ts'
import { OVERSIZE_BYTES, SHELL_MEMORY } from './limits.ts'
import { flipped, noise, type Random } from './random.ts'
import type { Trick } from './scenario.ts'
import { WHOLE_VSHARDS } from './whole-chain.ts'
import { ShellKind, type ShellMessage, shellCodec } from './whole-wire.ts'

/** How often an answer, or a transaction that is passed on, is bent. */
const BEND_RATIO = 0.5
/** And how often anything at all that a node says to its peers gives occasion to send them one that nobody asked for. */
const UNASKED_RATIO = 0.05
/** An oversized message costs the simulation more than it shows. */
const OVERSIZE_RATIO = 0.002

/** What a Byzantine node does to what the shell says: block sync and transactions. */
export class ShellTricks {
  readonly #tricks: readonly Trick[]
  readonly #random: Random
  readonly #forged: (shard: number) => Uint8Array | undefined
  /** Answers and transactions of late, of whichever shard. */
  readonly #said: ShellMessage[] = []

  constructor(tricks: readonly Trick[], random: Random, forged: (shard: number) => Uint8Array | undefined) {
    this.#forged = forged
    this.#tricks = tricks
    this.#random = random
  }

  /** What is said in the place of it. */
  bend(bytes: Uint8Array): Uint8Array {
    const message = decodeOr(shellCodec, bytes)
    if (message === undefined) return bytes
    if (message.kind !== ShellKind.wantBlocks) this.#remember(message)
    if (!this.#random.chance(BEND_RATIO)) return bytes
    if (message.kind === ShellKind.transactions && this.#plays('bend-transactions'))
      return shellCodec.encode({ ...message, items: this.#bentTransactions(message.items) })
    if (message.kind === ShellKind.blocks && this.#plays('bend-blocks')) return this.#bentBlocks(message)
    if (message.kind === ShellKind.wantBlocks && this.#plays('bend-blocks'))
      return shellCodec.encode({ ...message, ...this.#random.pick(NOWHERE) })
    return bytes
  }

  /** What nobody asked for, now and then. */
  unasked(): Uint8Array | undefined {
    if (!this.#random.chance(UNASKED_RATIO)) return undefined
    if (this.#plays('oversize') && this.#random.chance(OVERSIZE_RATIO)) return oversized
    if (this.#plays('garbage') && this.#random.chance(0.3)) return noise(this.#random, this.#random.below(80))
    const passedOff = this.#plays('bend-blocks') && this.#random.chance(0.5) ? this.#passOff() : undefined
    if (passedOff !== undefined || this.#said.length === 0) return passedOff
    const message = this.#random.pick(this.#said)
    if (message.kind === ShellKind.blocks && this.#plays('bend-blocks')) return this.#bentBlocks(message)
    if (message.kind === ShellKind.transactions && this.#plays('bend-transactions'))
      return shellCodec.encode({ ...message, items: this.#bentTransactions(message.items) })
    return this.#plays('replay') ? shellCodec.encode(message) : undefined
  }

  #plays(trick: Trick): boolean {
    return this.#tricks.includes(trick)
  }

  #bentTransactions(items: readonly Uint8Array[]): readonly Uint8Array[] {
    const random = this.#random
    return random.pick([
      () => items.map((item) => flipped(item, random)),
      () => items.map((item) => item.subarray(0, random.below(item.length))),
      () => items.flatMap((item) => [item, item]).slice(0, ITEMS_MAX),
      () => Array.from({ length: random.below(ITEMS_MAX) }, () => noise(random, random.below(300))),
      () => items.map((item) => withOtherSignature(item, random)),
    ])()
  }

  #bentBlocks(message: ShellMessage): Uint8Array {
    const random = this.#random
    const { items } = message
    const others = this.#said.filter(({ kind, shard }) => kind === ShellKind.blocks && shard !== message.shard)
    const other = others.length === 0 ? message : random.pick(others)
    const bent = random.pick([
      () => ({ ...message, items: items.map((item) => flipped(item, random)) }),
      () => ({ ...message, items: items.map((item) => item.subarray(0, random.below(item.length))) }),
      () => ({ ...message, items: items.toReversed() }),
      () => ({ ...message, items: items.slice(1) }),
      // Of another shard.
      () => ({ ...message, items: other.items }),
      () => ({ ...message, shard: random.below(6) }),
      // Parts of two blocks, or of two shards.
      () => ({ ...message, items: crossed(items, other.items, 'body') }),
      () => ({ ...message, items: crossed(items, other.items, 'details') }),
      () => ({ ...message, items: crossed(items, other.items, 'certificate') }),
      () => ({ ...message, items: crossed(items, items.toReversed(), 'certificate') }),
      () => ({ ...message, items: [noise(random, random.below(500))] }),
      () => ({ ...message, items: this.#passedOff(message.shard) ?? items }),
    ])()
    return shellCodec.encode(bent)
  }

  /** A block that it has forged, as if it were final. */
  #passOff(): Uint8Array | undefined {
    const shard = this.#random.below(WHOLE_VSHARDS + 1)
    const items = this.#passedOff(shard)
    return items && shellCodec.encode({ kind: ShellKind.blocks, shard, fromHeight: 0, items })
  }

  #passedOff(shard: number): readonly Uint8Array[] | undefined {
    const forged = this.#forged(shard)
    return forged && [forged]
  }

  #remember(message: ShellMessage): void {
    if (this.#said.length < SHELL_MEMORY) this.#said.push(message)
    else this.#said[this.#random.below(SHELL_MEMORY)] = message
  }
}

/** Items of one message, by its codec. */
const ITEMS_MAX = 64

/** Places where there are no blocks. */
const NOWHERE: readonly Partial<ShellMessage>[] = [
  { fromHeight: 0 },
  { fromHeight: Number.MAX_SAFE_INTEGER },
  { shard: 99 },
  { kind: 77 },
]

const oversized = new Uint8Array(OVERSIZE_BYTES)

/** The blocks with one part of another one each. */
function crossed(
  items: readonly Uint8Array[],
  others: readonly Uint8Array[],
  part: keyof Block,
): readonly Uint8Array[] {
  return items.map((item, i) => {
    const [block, other] = [item, others[i % Math.max(1, others.length)] ?? item].map((each) =>
      decodeOr(blockCodec, each),
    )
    return block === undefined || other === undefined ? item : blockCodec.encode({ ...block, [part]: other[part] })
  })
}

/** A transaction that says what its sender has said, and is signed otherwise. */
function withOtherSignature(transaction: Uint8Array, random: Random): Uint8Array {
  const bent = transaction.slice()
  bent.set(noise(random, 64), Math.max(0, bent.length - 64))
  return bent
}
