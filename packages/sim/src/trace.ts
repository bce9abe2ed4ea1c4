import type { Host } from './host.ts'
import type { MessageLens } from './lens.ts'
import { TRACE_LINES_MAX } from './limits.ts'
import type { Fact } from './node-port.ts'
import type { Violation } from './oracle.ts'

/** One line of a trace. `host` is the seat, with a prime for the second twin. */
export type TraceLine =
  | {
      readonly atMs: number
      readonly host: string
      readonly what: 'sent'
      readonly to: number | 'all'
      readonly message: string
    }
  | {
      readonly atMs: number
      readonly host: string
      readonly what: 'received'
      readonly from: number
      readonly message: string
    }
  | {
      readonly atMs: number
      readonly host: string
      readonly what: 'told'
      readonly fact: string
      readonly height?: number
      readonly hash?: string
      /** Messages that a block of a whole node took in, and those of them that it sent back. */
      readonly messages?: { readonly arrived: number; readonly returned: number }
    }
  | { readonly atMs: number; readonly host: string; readonly what: 'happened'; readonly text: string }
  | {
      readonly atMs: number
      readonly host: string
      readonly what: 'violated'
      readonly oracle: string
      readonly text: string
    }

/** Writes down what happens in a world. A run without one costs nothing for it. */
export class Tracer {
  readonly lines: TraceLine[] = []
  readonly #lens: MessageLens

  constructor(lens: MessageLens) {
    this.#lens = lens
  }

  sent(atMs: number, host: Host, to: number | 'all', bytes: Uint8Array): void {
    this.#add({ atMs, host: host.name, what: 'sent', to, message: this.#lens.describe(bytes) })
  }

  received(atMs: number, host: Host, from: number, bytes: Uint8Array): void {
    this.#add({ atMs, host: host.name, what: 'received', from, message: this.#lens.describe(bytes) })
  }

  told(atMs: number, host: Host, fact: Fact): void {
    const where =
      fact.type === 'finalized' || fact.type === 'block' ? { height: fact.height, hash: fact.hash.slice(0, 8) } : {}
    const taken = fact.type === 'block' ? fact.messages.filter(({ what }) => what === 'received') : []
    const messages = { arrived: taken.length, returned: taken.filter((each) => 'bounce' in each).length }
    this.#add({ atMs, host: host.name, what: 'told', fact: fact.type, ...where, ...(taken.length > 0 && { messages }) })
  }

  happened(atMs: number, host: Host, text: string): void {
    this.#add({ atMs, host: host.name, what: 'happened', text })
  }

  violated(atMs: number, { oracle, message, host = 'world' }: Violation): void {
    this.#add({ atMs, host, what: 'violated', oracle, text: message })
  }

  /** One JSON object a line. */
  jsonl(): string {
    return this.lines.map((line) => `${JSON.stringify(line)}\n`).join('')
  }

  #add(line: TraceLine): void {
    if (this.lines.length < TRACE_LINES_MAX || line.what === 'violated') this.lines.push(line)
  }
}
