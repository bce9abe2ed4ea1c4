/** CPU profiles of all JavaScript threads of a process that was started with `--inspect`. */

export type ProfileNode = {
  readonly id: number
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number }
  readonly children?: readonly number[]
}

/** As the Chrome DevTools protocol has it. */
export type CpuProfile = {
  readonly nodes: readonly ProfileNode[]
  readonly samples: readonly number[]
}

/** As the Chrome DevTools protocol has it: bytes that each function has taken of the heap, by stack. */
export type AllocationNode = {
  readonly callFrame: ProfileNode['callFrame']
  readonly selfSize: number
  readonly children: readonly AllocationNode[]
}

export type ThreadAllocations = { readonly thread: string; readonly head: AllocationNode }

export type ThreadProfile = { readonly thread: string; readonly profile: CpuProfile }

type Message = {
  readonly id?: number
  readonly method?: string
  readonly params?: Readonly<Record<string, unknown>>
  readonly result?: unknown
  readonly error?: { readonly message: string }
}
type EventListener = (method: string, params: Readonly<Record<string, unknown>>) => void
type Waiter = { readonly resolve: (result: unknown) => void; readonly reject: (error: Error) => void }

/** One conversation in the DevTools protocol; `send` puts text on its way, `receive` takes what comes. */
class Session {
  readonly #send: (text: string) => void
  readonly #onEvent: EventListener
  readonly #waiting: Map<number, Waiter> = new Map()
  #nextId = 1

  constructor(send: (text: string) => void, onEvent: EventListener = () => {}) {
    this.#send = send
    this.#onEvent = onEvent
  }

  ask(method: string, params: object = {}): Promise<unknown> {
    const id = this.#nextId++
    this.#send(JSON.stringify({ id, method, params }))
    return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
  }

  receive(text: string): void {
    const { id, method, params = {}, result, error } = JSON.parse(text) as Message
    if (id === undefined) return this.#onEvent(method as string, params)
    const waiter = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (error === undefined) waiter?.resolve(result)
    else waiter?.reject(new Error(`${error.message}`))
  }
}

export interface Inspector {
  /** Starts a profile on every thread, a sample each `intervalUs`. */
  start(intervalUs: number): Promise<void>
  stop(): Promise<readonly ThreadProfile[]>
  /** Samples what every thread takes of its heap, once in `intervalBytes` on average; what has died since counts too. */
  startAllocations(intervalBytes: number): Promise<void>
  stopAllocations(): Promise<readonly ThreadAllocations[]>
  /** Evaluates an expression on every thread; its value has to be plain data. */
  evaluate(expression: string): Promise<readonly { readonly thread: string; readonly value: unknown }[]>
  close(): void
}

export async function connectInspector(port: number): Promise<Inspector> {
  const [target] = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as [
    { readonly webSocketDebuggerUrl: string },
  ]
  const socket = new WebSocket(target.webSocketDebuggerUrl)
  const workers = new Map<string, { readonly thread: string; readonly session: Session }>()
  const main: Session = new Session(
    (text) => socket.send(text),
    (method, params) => {
      if (method === 'NodeWorker.attachedToWorker') {
        const { sessionId, workerInfo } = params as {
          sessionId: string
          workerInfo: { readonly url: string }
        }
        const session = new Session(
          (message) => void main.ask('NodeWorker.sendMessageToWorker', { sessionId, message }),
        )
        workers.set(sessionId, { thread: nameOf(workerInfo.url), session })
      } else if (method === 'NodeWorker.receivedMessageFromWorker') {
        const { sessionId, message } = params as { sessionId: string; message: string }
        workers.get(sessionId)?.session.receive(message)
      }
    },
  )
  socket.addEventListener('message', ({ data }) => main.receive(String(data)))
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true })
    socket.addEventListener('error', () => reject(new Error('the inspector does not answer')), { once: true })
  })
  await main.ask('NodeWorker.enable', { waitForDebuggerOnStart: false })
  const threads = (): { readonly thread: string; readonly session: Session }[] => [
    { thread: 'main', session: main },
    ...workers.values(),
  ]
  return {
    async start(intervalUs) {
      for (const { session } of threads()) {
        await session.ask('Profiler.enable')
        await session.ask('Profiler.setSamplingInterval', { interval: intervalUs })
        await session.ask('Profiler.start')
      }
    },
    async stop() {
      const profiles: ThreadProfile[] = []
      for (const { thread, session } of threads()) {
        const { profile } = (await session.ask('Profiler.stop')) as { readonly profile: CpuProfile }
        profiles.push({ thread, profile })
      }
      return profiles
    },
    async startAllocations(samplingInterval) {
      const dead = { includeObjectsCollectedByMajorGC: true, includeObjectsCollectedByMinorGC: true }
      for (const { session } of threads())
        await session.ask('HeapProfiler.startSampling', { samplingInterval, ...dead })
    },
    async stopAllocations() {
      const found: ThreadAllocations[] = []
      for (const { thread, session } of threads()) {
        const { profile } = (await session.ask('HeapProfiler.stopSampling')) as {
          readonly profile: { readonly head: AllocationNode }
        }
        found.push({ thread, head: profile.head })
      }
      return found
    },
    async evaluate(expression) {
      const found: { thread: string; value: unknown }[] = []
      for (const { thread, session } of threads()) {
        const { result } = (await session.ask('Runtime.evaluate', { expression, returnByValue: true })) as {
          readonly result: { readonly value: unknown }
        }
        found.push({ thread, value: result.value })
      }
      return found
    },
    close: () => socket.close(),
  }
}

/** The file of a worker without folder and ending. */
function nameOf(url: string): string {
  return /([^/\\]+)\.[jt]s$/.exec(url)?.[1] ?? url
}
