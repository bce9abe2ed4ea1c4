import { Worker } from 'node:worker_threads'

/**
 * Threads without an archive, for the next one. Those whose archive is closed are kept, because starting one costs a fifth
 * of a second, and ending one that has loaded LevelDB has been seen to crash the process.
 */
const idle: Worker[] = []

export function takeArchiveThread(): Worker {
  return idle.pop() ?? start()
}

export function returnArchiveThread(worker: Worker): void {
  worker.unref()
  idle.push(worker)
}

/** Starts a thread ahead of the archive that will need it: a command line that is still loading the rest calls this first. */
export function prepareArchiveThread(): void {
  if (idle.length === 0) returnArchiveThread(start())
}

function start(): Worker {
  const name = import.meta.url.endsWith('.ts') ? './archive-worker.ts' : './archive-worker.js'
  return new Worker(new URL(name, import.meta.url), { name: 'archive' })
}
