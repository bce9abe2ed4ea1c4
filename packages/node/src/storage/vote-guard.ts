/**
 * Up to which view this node may have voted, by vShard: a small file apart from the log, so that a log that is damaged
 * leaves something to go by. It is written ahead, once in `GUARD_VIEWS_AHEAD` votes.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { ArmError, sha256, toHex, utf8 } from '@armchain/core'
import { GUARD_VIEWS_AHEAD } from '../limits.ts'
import { syncDirectory } from './disk.ts'

const FORMAT = 1

export class VoteGuard {
  readonly #path: string
  readonly #views: Map<number, number>
  #writing: Promise<void> = Promise.resolve()
  #forgotten: boolean

  private constructor(path: string, views: Map<number, number>, forgotten: boolean) {
    this.#path = path
    this.#views = views
    this.#forgotten = forgotten
  }

  /** @throws ArmError ARM_DATA_DIR if the file cannot be read. One that is damaged says that votes may be forgotten. */
  static async open(path: string): Promise<VoteGuard> {
    const text = await readFile(path, 'utf8').catch((cause: NodeJS.ErrnoException) => {
      if (cause.code === 'ENOENT') return undefined
      const hint = 'check its permissions'
      throw new ArmError('ARM_DATA_DIR', `${path} cannot be read`, { path, hint }, { cause })
    })
    const read = text === undefined ? { views: new Map(), forgotten: false } : parse(text)
    return new VoteGuard(path, read?.views ?? new Map(), read?.forgotten ?? true)
  }

  /** Highest view of a vShard in which a vote may have been cast; undefined if none was. */
  view(vShard: number): number | undefined {
    return this.#views.get(vShard)
  }

  /** Nothing is known of the votes that were cast. */
  get forgotten(): boolean {
    return this.#forgotten
  }

  /** Resolves when the file says that a vote may have been cast in this view. */
  reserve(vShard: number, view: number): Promise<void> {
    if (view > (this.#views.get(vShard) ?? -1)) {
      this.#views.set(vShard, view + GUARD_VIEWS_AHEAD)
      this.#write()
    }
    return this.#writing
  }

  /** The log is about to be set aside: whatever stands here is all that will be known. Resolves when it is durable. */
  logIsLost(): Promise<void> {
    if (this.#views.size === 0) this.#forgotten = true
    this.#write()
    return this.#writing
  }

  #write(): void {
    this.#writing = this.#writing.then(async () => {
      const content = { format: FORMAT, views: Object.fromEntries(this.#views), forgotten: this.#forgotten }
      await writeFile(`${this.#path}.tmp`, `${JSON.stringify({ ...content, sum: sumOf(content) })}\n`, {
        mode: 0o600,
        flush: true,
      })
      await rename(`${this.#path}.tmp`, this.#path)
      await syncDirectory(dirname(this.#path))
    })
    // Whoever waits hears of a failure; that of an earlier write fails the later ones too.
    this.#writing.catch(() => undefined)
  }
}

type Content = {
  readonly format: number
  readonly views: Readonly<Record<string, number>>
  readonly forgotten: boolean
}

function sumOf({ format, views, forgotten }: Content): string {
  return toHex(sha256(utf8(JSON.stringify({ format, views, forgotten }))))
}

function parse(text: string): { views: Map<number, number>; forgotten: boolean } | undefined {
  try {
    const content = JSON.parse(text) as Content & { readonly sum: string }
    if (content.format !== FORMAT || content.sum !== sumOf(content)) return undefined
    const views = Object.entries(content.views).map(([vShard, view]) => [Number(vShard), view] as const)
    return { views: new Map(views), forgotten: content.forgotten }
  } catch {
    return undefined
  }
}
