import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ArmError, type ErrorCode } from '@armchain/core'
import { type LinkHandlers, ProcessLink } from './process-link.ts'
import type { Heights, NodeReady } from './supervised.ts'

/** A process loads its modules first; many start at once. */
const START_MS_MAX = 60_000
const STOP_MS_MAX = 10_000
const ANSWER_MS_MAX = 2_000
const OUTPUT_MAX = 4_096
const LOG_FILE = 'node.log'

const IS_SOURCE = import.meta.url.endsWith('.ts')
const CLI = fileURLToPath(new URL(IS_SOURCE ? '../cli.ts' : './cli.js', import.meta.url))

/** `armchain node` as a child, which ends with this process however that ends. */
export class ValidatorProcess {
  readonly ready: NodeReady
  /** Resolves when it has ended. */
  readonly ended: Promise<unknown>
  readonly #child: ChildProcess
  readonly #link: ProcessLink
  #heights: Heights = []
  #isPaused = false

  private constructor(child: ChildProcess, link: ProcessLink, ready: NodeReady, ended: Promise<unknown>) {
    this.#child = child
    this.#link = link
    this.ready = ready
    this.ended = ended
  }

  /**
   * Starts the node of the configuration `config.json` in a folder, where its log goes too. Resolves when it serves.
   *
   * @throws ArmError that the process has ended with.
   */
  static async start(folder: string, handlers: LinkHandlers): Promise<ValidatorProcess> {
    const log = openSync(join(folder, LOG_FILE), 'a', 0o600)
    const args = ['node', '--config', join(folder, 'config.json'), '--supervised', '--json']
    const child = spawn(process.execPath, [...(IS_SOURCE ? ['--conditions=@armchain/source'] : []), CLI, ...args], {
      stdio: ['ignore', 'pipe', log, 'ipc'],
      env: childEnvironment(),
    })
    const { promise: ready, resolve, reject } = Promise.withResolvers<NodeReady>()
    let printed = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      printed = (printed + chunk).slice(-OUTPUT_MAX)
    })
    const ended = once(child, 'exit')
    child.once('error', reject)
    // Once all that it has printed is here.
    child.once('close', (code, signal) => reject(failureOf(printed, folder, code ?? signal)))
    const timer = setTimeout(() => reject(failureOf('', folder, `no word in ${START_MS_MAX} ms`)), START_MS_MAX)
    const link = new ProcessLink(child, { ...handlers, ready: (said: NodeReady) => resolve(said) })
    try {
      return new ValidatorProcess(child, link, await ready, ended)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    } finally {
      clearTimeout(timer)
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** As far as it said last, where it does not answer. */
  async heights(): Promise<Heights> {
    if (this.#isPaused) return this.#heights
    try {
      this.#heights = await this.#link.call<Heights>('heights', {}, ANSWER_MS_MAX)
    } catch {
      // It is busy, or on its end.
    }
    return this.#heights
  }

  /** Takes it out of the network of these peers; one that stands still hears of it when it goes on. */
  async cut(peers: readonly number[]): Promise<void> {
    const done = this.#link.call('cut', { peers }, ANSWER_MS_MAX)
    if (this.#isPaused) done.catch(() => undefined)
    else await done
  }

  async pause(): Promise<void> {
    await this.heights()
    this.#isPaused = true
    this.#child.kill('SIGSTOP')
  }

  resume(): void {
    this.#child.kill('SIGCONT')
    this.#isPaused = false
  }

  /** Ends the channel to it, as the end of this process would: it ends too. */
  disown(): void {
    this.#child.disconnect()
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.ended
  }

  async stop(): Promise<void> {
    this.resume()
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS_MAX)
    await this.ended
    clearTimeout(timer)
  }
}

/** A checkout keeps what Node makes of its source, so that only the first start pays for it. */
function childEnvironment(): NodeJS.ProcessEnv {
  const cache = fileURLToPath(new URL('../../../../node_modules/.cache/compile', import.meta.url))
  return IS_SOURCE ? { NODE_COMPILE_CACHE: cache, ...process.env } : process.env
}

type Failure = { readonly code: ErrorCode; readonly message: string; readonly hint: string }

function failureOf(printed: string, folder: string, how: unknown): ArmError {
  const hint = `see ${join(folder, LOG_FILE)}`
  try {
    const { error } = JSON.parse(printed) as { readonly error: Failure }
    return new ArmError(error.code, error.message, { folder, hint: error.hint })
  } catch {
    return new ArmError('ARM_INTERNAL', `a validator's process ended before it served: ${how}`, { folder, hint })
  }
}
