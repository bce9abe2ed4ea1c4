import { type MessagePort, Worker } from 'node:worker_threads'
import { THREAD_YOUNG_MIB } from './limits.ts'
import type { ResolvedOptions } from './options.ts'

/** What runs a network, from outside. */
export type RunningThread = {
  readonly port: MessagePort | Worker
  /** Told once when it has ended, and why if it has crashed. */
  onEnd(listener: (error: unknown) => void): void
  /** It is to end now, whatever it does. */
  terminate(): Promise<unknown>
}

export type StartThread = (options: ResolvedOptions) => RunningThread

export const startWorker: StartThread = (options) => {
  const file = import.meta.url.endsWith('.ts') ? './network-worker.ts' : './network-worker.js'
  const worker = new Worker(new URL(file, import.meta.url), {
    name: 'network',
    workerData: options,
    // Gossip makes much garbage that lives for a moment: with room for it, a third less time goes into collecting it.
    resourceLimits: { maxYoungGenerationSizeMb: THREAD_YOUNG_MIB },
  })
  return {
    port: worker,
    onEnd(listener) {
      let crash: unknown
      worker.on('error', (error) => {
        crash = error
      })
      worker.on('exit', () => listener(crash))
    },
    terminate: () => worker.terminate(),
  }
}
