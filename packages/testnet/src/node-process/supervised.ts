import type { ValidatorControl, ValidatorState } from '@armchain/node'
import type { IpcEnd } from './process-link.ts'
import { ProcessLink } from './process-link.ts'
import type { RunningProcess } from './run-node.ts'

/** What a process says of its validator, once it serves. */
export type NodeReady = {
  readonly role: string
  readonly validator: number | null
  readonly networkId: string
  readonly genesisHash: string
  readonly peerId: string
  readonly addresses: readonly string[]
  readonly rpc: string
  readonly ws: string
  /** Blocks that were replayed from the log. */
  readonly recovered: number
}

export type Heights = ValidatorState['heights']

/** A process may have to start again, or to fetch what it has missed. */
const CONTROL_MS_MAX = 120_000

/** The side of a process that a testnet has started: what it may ask of whoever started it, and what it is asked. */
export class Supervised {
  readonly #link: ProcessLink
  #running: RunningProcess | undefined

  /** `onOrphaned` is called when whoever started the process is gone: nobody would end it then. */
  constructor(end: IpcEnd, onOrphaned: () => void) {
    this.#link = new ProcessLink(end, {
      heights: (): Heights => heightsOf(this.#running),
      cut: ({ peers }: { readonly peers: readonly number[] }) => this.#running?.cut(peers),
    })
    end.on('disconnect', onOrphaned)
  }

  /** What is done to validators is done by whoever has started them. */
  get control(): ValidatorControl {
    const call = <Value>(method: string, params: object = {}): Promise<Value> =>
      this.#link.call<Value>(method, params, CONTROL_MS_MAX)
    return {
      list: () => call('list'),
      kill: (validator) => call('kill', { validator }),
      restart: (validator) => call('restart', { validator }),
      pause: (validator) => call('pause', { validator }),
      resume: (validator) => call('resume', { validator }),
      partition: (groups) => call('partition', { groups }),
      heal: () => call('heal'),
    }
  }

  async ready(running: RunningProcess, ready: NodeReady): Promise<void> {
    this.#running = running
    await this.#link.call('ready', ready, CONTROL_MS_MAX)
  }
}

function heightsOf(running: RunningProcess | undefined): Heights {
  const shards = running?.node.host.machine.shards ?? []
  return shards.map(({ vShard, chain }) => ({ vShard, height: chain.tip.height }))
}
