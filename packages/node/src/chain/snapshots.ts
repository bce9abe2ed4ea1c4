import {
  type Anchor,
  ArmError,
  anchorCodec,
  blob,
  bytes32,
  type Codec,
  compile,
  equalBytes,
  headCodec,
  headHash,
  importState,
  list,
  option,
  ShardState,
  StateExport,
  struct,
  u32,
  u53,
} from '@armchain/core'
import type { ChainMachine, MainHead, Tip } from '@armchain/shard'

/** A machine's whole state as bytes: the meta part small, the chunks bounded. */
export type MachineSnapshot = { readonly meta: Uint8Array; readonly chunks: readonly Uint8Array[] }

export type RestoredMachine = {
  readonly states: readonly ShardState[]
  readonly tips: readonly Tip[]
  readonly certificates: readonly (Uint8Array | undefined)[]
  /** To be called on the machine that is made from the rest. */
  readonly restore: (machine: ChainMachine) => void
}

type Meta = {
  readonly shards: readonly {
    readonly head: Uint8Array
    readonly certificate?: Uint8Array | undefined
    readonly parts: number
  }[]
  readonly mainHeads: readonly ({ readonly height: number } & MainHead)[]
  readonly unanchored: readonly {
    readonly height: number
    readonly mainHeight: number
    readonly anchor: Uint8Array
  }[]
  readonly mailboxChunks: number
}

const MAX = 2 ** 24
const CHUNK_BYTES = 8 * 1024 * 1024

const metaCodec: Codec<Meta> = compile(
  struct(
    ['shards', list(struct(['head', blob(512)], ['certificate', option(blob(65_535))], ['parts', u32]), 4096)],
    [
      'mainHeads',
      list(struct(['height', u53], ['hash', bytes32], ['shardTopsRoot', bytes32], ['outboxRoot', bytes32]), MAX),
    ],
    ['unanchored', list(struct(['height', u53], ['mainHeight', u53], ['anchor', blob(131_072)]), MAX)],
    ['mailboxChunks', u32],
  ),
)

/** A snapshot of one moment whose chunks are made while the machine goes on; to be disposed of. */
export interface RunningSnapshot extends Disposable {
  readonly meta: Uint8Array
  /** To be called once. */
  chunks(): Iterable<Uint8Array>
}

/** Copies a machine's state, all at one moment. */
export function snapshotMachine(
  machine: ChainMachine,
  certificate: (vShard: number) => Uint8Array | undefined,
): MachineSnapshot {
  using running = beginSnapshot(machine, certificate)
  return { meta: running.meta, chunks: [...running.chunks()] }
}

/** The same, a chunk when it is asked for. */
export function beginSnapshot(
  machine: ChainMachine,
  certificate: (vShard: number) => Uint8Array | undefined,
): RunningSnapshot {
  const mailbox = split(machine.mailbox.store())
  const exports = machine.shards.map(({ chain }) => new StateExport(chain.state))
  const meta = metaCodec.encode({
    shards: machine.shards.map(({ chain, descriptor }, i) => ({
      head: chain.tip.headBytes,
      certificate: certificate(descriptor.key.vShard),
      parts: (exports[i] as StateExport).partCount,
    })),
    mainHeads: machine.mainHeads().map(([height, head]) => ({ height, ...head })),
    unanchored: machine.unanchored().map(({ height, mainHeight, anchor }) => ({
      height,
      mainHeight,
      anchor: anchorCodec.encode(anchor),
    })),
    mailboxChunks: mailbox.length,
  })
  return {
    meta,
    *chunks() {
      yield* mailbox
      for (const each of exports) yield* each.parts()
    },
    [Symbol.dispose]() {
      for (const each of exports) each[Symbol.dispose]()
    },
  }
}

/** Builds states back from a snapshot. Throws `ARM_SNAPSHOT_CORRUPT` or `ARM_CODEC_INPUT` if they are not those of its heads. */
export async function restoreMachine(
  meta: Uint8Array,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<RestoredMachine> {
  const { shards, mainHeads, unanchored, mailboxChunks } = metaCodec.decode(meta)
  const mailbox: Uint8Array[] = []
  const states = shards.map(() => new ShardState())
  let shard = 0
  let part = 0
  for await (const chunk of chunks) {
    if (mailbox.length < mailboxChunks) {
      mailbox.push(chunk)
      continue
    }
    while (part >= (shards[shard]?.parts ?? Number.POSITIVE_INFINITY)) {
      shard++
      part = 0
    }
    const state = states[shard]
    if (state === undefined) throw corrupt('a snapshot has more parts than its shards')
    importState(state, chunk)
    part++
  }
  const tips = shards.map(({ head }): Tip => {
    const decoded = headCodec.decode(head)
    return { height: decoded.height, hash: headHash(head), head: decoded, headBytes: head }
  })
  tips.forEach(({ head }, i) => {
    if (!equalBytes((states[i] as ShardState).root(), head.stateRoot)) {
      throw corrupt('the state of a snapshot is not that of its head', head.shard.vShard)
    }
  })
  const waiting = unanchored.map(({ anchor, ...item }) => ({ ...item, anchor: anchorCodec.decode(anchor) as Anchor }))
  const certificates = shards.map(({ certificate }) => certificate)
  const heads = mainHeads.map(({ height, ...head }) => [height, head] as const)
  return {
    states,
    tips,
    certificates,
    restore: (machine) =>
      machine.restore({ mainHeads: heads, unanchored: waiting, certificates, mailbox: join(mailbox) }),
  }
}

function split(bytes: Uint8Array): Uint8Array[] {
  const chunks: Uint8Array[] = []
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) chunks.push(bytes.slice(at, at + CHUNK_BYTES))
  return chunks
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(chunks))
}

function corrupt(why: string, vShard?: number): ArmError {
  return new ArmError('ARM_SNAPSHOT_CORRUPT', why, { vShard, hint: 'remove the snapshot: the log replays without it' })
}
