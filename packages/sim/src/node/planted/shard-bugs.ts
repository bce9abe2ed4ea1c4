import type { PlantedBug } from './engine-bugs.ts'
import type { Patch } from './plant.ts'

const at = (file: string, find: string, replace: string): Patch => ({
  file: `packages/shard/src/${file}`,
  find,
  replace,
})

const bug = (name: string, what: string, patches: readonly Patch[]): PlantedBug => ({
  name,
  what,
  engine: 'solo',
  patches,
  nodes: 1,
  firstSeed: 1,
  seedsMax: 50,
})

const APPEND = "    effects.push({ type: 'append', shard: hosted.vShard, record: blockCodec.encode(block) })\n"

/** Bugs of whole nodes: between shards, and between blocks and the disk. */
export const SHARD_BUGS: readonly PlantedBug[] = [
  bug('cursor-skipped', 'the first message of a batch is passed over', [
    at(
      'mailbox.ts',
      '(next.get(source) ?? cursor(item.source)) - firstSeq)',
      '(next.get(source) ?? cursor(item.source)) - firstSeq + 1)',
    ),
    at('imports.ts', 'if (batch.value.firstSeq + item.start !== next) {', 'if (next < 0) {'),
  ]),
  bug('cursor-not-moved', 'a channel stays where it was when its messages are taken', [
    at('execute.ts', '  writeInbox(execution.draft, item.source, prefix, checked.value.inbox)\n', ''),
  ]),
  bug('delivered-twice', 'a message is handled twice', [
    at(
      'execute.ts',
      'execution.message(bytes, message)',
      '{ execution.message(bytes, message); execution.message(bytes, message) }',
    ),
  ]),
  bug('anchor-replayed', 'a head that is anchored is anchored again', [
    at('anchor-queue.ts', 'items[0].height <= height) items.shift()', 'items[0].height < height) items.shift()'),
    at('anchor-queue.ts', 'height > from)', 'height >= from)'),
    at('anchors.ts', 'if (head.height !== expected) return bad(', 'if (head.height > expected) return bad('),
  ]),
  bug('shown-before-durable', 'a block is told of before it is written', [
    at('chain-machine.ts', APPEND, ''),
    at(
      'chain-machine.ts',
      '    hosted.told = false\n    for (const other',
      `${APPEND}    hosted.told = false\n    for (const other`,
    ),
  ]),
]
