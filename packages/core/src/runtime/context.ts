import { utf8 } from '../bytes.ts'
import { MESSAGE_DELIVER } from '../chain/message.ts'
import type { Event, SentMessage } from '../chain/receipt.ts'
import { ArmError, type Refusal } from '../errors.ts'
import { ENTRY_KEY_BYTES_MAX, ENTRY_VALUE_BYTES_MAX, EVENT_BYTES_MAX, TX_EVENTS_MAX } from '../limits.ts'
import type { Row } from '../state/account-table.ts'
import { GAS, type GasMeter, MESSAGE_EXPIRY_BLOCKS } from './gas.ts'
import type { BlockExecution } from './kernel.ts'
import type { CallContext, ModuleContext, SendMessage } from './module.ts'

/** One running call: what it may spend and what it has caused. */
export type Frame = {
  readonly module: string
  readonly sender: Row
  readonly receiver: Row
  readonly value: bigint
  readonly traceId: Uint8Array
  readonly hop: number
  /** Motes per unit of gas, also for the messages it sends. */
  readonly price: bigint
  readonly meter: GasMeter
  readonly events: Event[]
  readonly messages: SentMessage[]
}

/** A module's view outside any call: in hooks and at genesis. Events go to `events`, nothing costs gas. */
export function createModuleContext(execution: BlockExecution, module: string, events: Event[]): ModuleContext {
  return new Context(execution, module, events)
}

export function createCallContext(execution: BlockExecution, frame: Frame): CallContext {
  return new RunningCall(execution, frame)
}

class Context implements ModuleContext {
  protected readonly execution: BlockExecution
  protected readonly module: string
  readonly #events: Event[]

  constructor(execution: BlockExecution, module: string, events: Event[]) {
    this.execution = execution
    this.module = module
    this.#events = events
  }

  /** Outside any call nobody pays. */
  protected pay(_gas: number): void {}

  get vShard(): number {
    return this.execution.environment.shard.vShard
  }
  get height(): number {
    return this.execution.environment.height
  }
  get timeMs(): number {
    return this.execution.environment.timeMs
  }
  get rules(): number {
    return this.execution.rules
  }
  row(account: Uint8Array): Row {
    return this.execution.draft.row(account)
  }
  id(row: Row): Uint8Array {
    return this.execution.draft.id(row)
  }
  account(row: Row): ReturnType<ModuleContext['account']> {
    return this.execution.draft.account(row)
  }
  moduleRow(module: string): Row {
    return this.row(this.execution.environment.runtime.moduleAccount(module))
  }

  get(owner: Row, key: string): Uint8Array | undefined {
    this.pay(GAS.entryRead)
    return this.execution.draft.entry(owner, `${this.module}/${key}`)
  }

  set(owner: Row, key: string, value: Uint8Array | undefined): void {
    const full = `${this.module}/${key}`
    const keyBytes = utf8(full).length
    // Two keys with lone surrogates may have one UTF-8 form, and so one place in the tree.
    if (!full.isWellFormed())
      throw new ArmError('ARM_ARGUMENT', 'the key of a state entry is not well-formed text', { module: this.module })
    if (keyBytes > ENTRY_KEY_BYTES_MAX || (value?.length ?? 0) > ENTRY_VALUE_BYTES_MAX) {
      throw new ArmError('ARM_CALL_LIMIT', 'a state entry is too large', {
        module: this.module,
        keyBytes,
        valueBytes: value?.length,
      })
    }
    this.pay(GAS.entryWrite + GAS.entryByte * (keyBytes + (value?.length ?? 0)))
    // An entry lives under its account's leaf, so the account has to exist.
    if (owner >= 0) this.execution.draft.setAccount(owner, this.execution.draft.account(owner))
    this.execution.draft.setEntry(owner, full, value)
  }

  credit(row: Row, motes: bigint): void {
    this.pay(GAS.accountWrite)
    this.execution.credit(row, motes)
  }

  debit(row: Row, motes: bigint): boolean {
    this.pay(GAS.accountWrite)
    return this.execution.debit(row, motes)
  }

  emit(name: string, data: Readonly<Record<string, unknown>>): void {
    const codec = this.execution.environment.runtime.event(this.module, name)
    if (codec === undefined)
      throw new ArmError('ARM_ARGUMENT', 'the module declares no such event', { module: this.module, name })
    const encoded = this.execution.encode(codec, data)
    this.pay(GAS.event + GAS.eventByte * encoded.length)
    if (this.#events.length >= TX_EVENTS_MAX)
      throw new ArmError('ARM_CALL_LIMIT', 'too many events', { module: this.module, max: TX_EVENTS_MAX })
    if (encoded.length > EVENT_BYTES_MAX)
      throw new ArmError('ARM_CALL_LIMIT', 'an event is too large', { module: this.module, max: EVENT_BYTES_MAX })
    this.#events.push({ module: this.module, name, data: encoded })
  }
}

class RunningCall extends Context implements CallContext {
  readonly #frame: Frame

  constructor(execution: BlockExecution, frame: Frame) {
    super(execution, frame.module, frame.events)
    this.#frame = frame
  }

  protected override pay(gas: number): void {
    this.#frame.meter.charge(gas)
  }

  get sender(): Row {
    return this.#frame.sender
  }
  get receiver(): Row {
    return this.#frame.receiver
  }
  get value(): bigint {
    return this.#frame.value
  }
  get traceId(): Uint8Array {
    return this.#frame.traceId
  }
  charge(gas: number): void {
    this.pay(gas)
  }

  send(from: Row, message: SendMessage): Refusal | undefined {
    const { environment } = this.execution
    this.pay(GAS.send + GAS.messageByte * (message.call?.args.length ?? 0))
    const hop = this.#frame.hop + 1
    const route = this.execution.route(this.#frame, hop, message)
    if (!route.ok) return route.reason
    const gasLimit = GAS.deliver + (message.callGas ?? 0)
    const { importGas } = environment.runtime.scheme.blocks
    // What no block may spend on messages could never be delivered beside others.
    if (gasLimit > importGas)
      return { code: 'ARM_CALL_LIMIT', message: 'message asks for too much gas', data: { gasLimit, max: importGas } }
    const prepaid = BigInt(gasLimit) * this.#frame.price
    if (!this.debit(from, message.value + prepaid)) {
      return {
        code: 'ARM_CALL_FUNDS',
        message: 'balance does not cover the message',
        data: { neededMotes: (message.value + prepaid).toString() },
      }
    }
    const posted = {
      traceId: this.#frame.traceId,
      hop,
      kind: MESSAGE_DELIVER,
      from: this.id(from),
      to: message.to,
      value: message.value,
      gasLimit,
      gasPrice: this.#frame.price,
      prepaid,
      expiryHeight:
        environment.mainHeight + Math.min(message.expiryBlocks ?? MESSAGE_EXPIRY_BLOCKS, MESSAGE_EXPIRY_BLOCKS),
      call: message.call,
      cause: '',
    }
    this.execution.post(this.#frame, posted, route.value)
    return undefined
  }
}
