import { ArmError, type ErrorCode, isArmError } from '@armchain/core'

/** The end of an IPC channel: a child, or the process of a child itself. */
export type IpcEnd = {
  send?(message: object, callback: (error: Error | null) => void): boolean
  on(event: 'message', listener: (message: unknown) => void): unknown
  on(event: 'disconnect', listener: () => void): unknown
}

export type LinkHandlers = Readonly<Record<string, (params: never) => unknown>>

type Item =
  | { readonly type: 'call'; readonly id: number; readonly method: string; readonly params: unknown }
  | { readonly type: 'result'; readonly id: number; readonly value: unknown }
  | {
      readonly type: 'failure'
      readonly id: number
      readonly code: ErrorCode
      readonly message: string
      readonly hint: string
    }

type Pending = { readonly settle: (value: unknown) => void; readonly fail: (error: ArmError) => void }

/** Calls between the processes of a testnet, both ways. Both ends are of one version, and trust each other. */
export class ProcessLink {
  readonly #end: IpcEnd
  readonly #handlers: LinkHandlers
  readonly #pending: Map<number, Pending> = new Map()
  #nextId = 0
  #isOver = false

  constructor(end: IpcEnd, handlers: LinkHandlers) {
    this.#end = end
    this.#handlers = handlers
    end.on('message', (item) => void this.#receive(item as Item))
    end.on('disconnect', () => {
      this.#isOver = true
      for (const { fail } of this.#pending.values()) fail(gone())
      this.#pending.clear()
    })
  }

  /** @throws ArmError of the other end; ARM_INTERNAL if it is gone, or does not answer in time. */
  async call<Value>(method: string, params: object, timeoutMs: number): Promise<Value> {
    if (this.#isOver) throw gone()
    const id = this.#nextId++
    const { promise, resolve, reject } = Promise.withResolvers<unknown>()
    this.#pending.set(id, { settle: resolve, fail: reject })
    const timer = setTimeout(
      () => reject(new ArmError('ARM_INTERNAL', `no answer to ${method} in ${timeoutMs} ms`)),
      timeoutMs,
    )
    try {
      this.#post({ type: 'call', id, method, params })
      return (await promise) as Value
    } finally {
      clearTimeout(timer)
      this.#pending.delete(id)
    }
  }

  async #receive(item: Item): Promise<void> {
    if (item.type === 'result') return this.#pending.get(item.id)?.settle(item.value)
    if (item.type === 'failure')
      return this.#pending.get(item.id)?.fail(new ArmError(item.code, item.message, { hint: item.hint }))
    const { id, method, params } = item
    try {
      const handler = Object.hasOwn(this.#handlers, method) ? this.#handlers[method] : undefined
      if (handler === undefined) throw new ArmError('ARM_INTERNAL', `there is no call ${method}`)
      this.#post({ type: 'result', id, value: await handler(params as never) })
    } catch (error) {
      const code = isArmError(error) ? error.code : 'ARM_INTERNAL'
      const message = String((error as Error).message).replace(`${code}: `, '')
      this.#post({ type: 'failure', id, code, message, hint: (isArmError(error) && error.hint) || 'see its log' })
    }
  }

  #post(item: Item): void {
    // Who is gone has nothing more to hear.
    if (!this.#isOver) this.#end.send?.(item, () => {})
  }
}

function gone(): ArmError {
  return new ArmError('ARM_INTERNAL', 'the process is gone')
}
