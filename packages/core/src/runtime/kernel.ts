import { ByteArena } from '../byte-arena.ts'
import { MOTES_MAX } from '../chain/amount.ts'
import { MESSAGE_BOUNCE, MESSAGE_DELIVER, type Message, messageCodec } from '../chain/message.ts'
import {
  type Event,
  RECEIPT_BLOCK,
  RECEIPT_BOUNCE,
  RECEIPT_MESSAGE,
  RECEIPT_TRANSACTION,
  type Receipt,
} from '../chain/receipt.ts'
import { rulesVersion } from '../chain/scheme.ts'
import type { ShardKey } from '../chain/shard-key.ts'
import type { Codec } from '../codec/codec.ts'
import { sha256 } from '../crypto/hash.ts'
import { invariant, isArmError, type Outcome, type Refusal, refuse } from '../errors.ts'
import { TX_MESSAGES_MAX } from '../limits.ts'
import type { Row } from '../state/account-table.ts'
import type { StateReader, Writes } from '../state/shard-state.ts'
import { checkAgainstBlock, gasPrice, type NextBlock, type PreparedTransaction } from './admission.ts'
import { createCallContext, createModuleContext, type Frame } from './context.ts'
import { Draft } from './draft.ts'
import { nextBaseFee, nextSizeLimit, splitFee } from './fees.ts'
import { GAS, GasMeter, MESSAGE_HOPS_MAX, OutOfGas } from './gas.ts'
import { type KernelState, readKernelState, readOutboxNext, writeKernelState, writeOutboxNext } from './kernel-state.ts'
import type { CallDefinition, ReadContext, SendMessage } from './module.ts'
import type { FieldSupplier, Runtime } from './runtime.ts'

/**
 * The transition of one block: messages first, then transactions, each all or nothing but for its fee.
 *
 * Rules:
 * 1. A transaction is *includable* if its nonce is the account's, its max fee covers the base fee and its balance the
 *    whole gas limit. What is not includable makes a block invalid; a call that fails does not.
 * 2. The gas limit is paid first, unused gas returned after. Of the base fee a part is burnt; the rest and the tip go
 *    to the shard's fee account at the end of the block.
 * 3. A message takes its value and prepaid gas out of `sent` at the source and into `received` here. It is delivered,
 *    or it bounces with the value and the unused gas; a bounce itself always credits.
 * 4. Nothing here reads a clock, chance, or the order of object keys.
 */
export type BlockEnvironment = {
  readonly runtime: Runtime
  readonly shard: ShardKey
  readonly height: number
  readonly timeMs: number
  /** Main-shard height that this block has seen. */
  readonly mainHeight: number
  /** The shard that holds `account` under a vShard; undefined if there is no such vShard. */
  readonly resolve: (vShard: number, account: Uint8Array) => ShardKey | undefined
}

export type OutgoingMessage = { readonly message: Message; readonly bytes: Uint8Array }

export type BlockResult = {
  readonly writes: Writes
  /** Encoded: that of the hooks if there is one, those of messages, those of transactions. */
  readonly receipts: readonly Uint8Array[]
  /** Fields that the scheme adds to the block's details. */
  readonly detailsFields: Readonly<Record<string, unknown>>
  readonly outgoing: readonly OutgoingMessage[]
  readonly gasUsed: number
  readonly baseFee: bigint
  readonly sizeLimitBytes: number
  readonly kernel: KernelState
}

const NO_ID = new Uint8Array(32)

export class BlockExecution {
  readonly environment: BlockEnvironment
  readonly draft: Draft
  readonly baseFee: bigint
  readonly sizeLimitBytes: number
  readonly outgoing: OutgoingMessage[] = []
  readonly #start: KernelState
  /** Version of the rules in force. */
  readonly rules: number
  readonly #receipts: Uint8Array[] = []
  readonly #hookEvents: Event[] = []
  /** Receipts and the data of events. */
  readonly #arena: ByteArena = new ByteArena()
  readonly #feeRow: Row
  /** This block, as transactions are checked against it. */
  readonly #next: NextBlock
  #gasUsed = 0
  #kept = 0n
  #burnt = 0n
  #sent = 0n
  #received = 0n

  constructor(environment: BlockEnvironment, reader: StateReader) {
    const start = readKernelState(reader)
    invariant(start !== undefined, 'the state has no genesis')
    this.environment = environment
    this.draft = new Draft(reader)
    this.#start = start
    this.baseFee = start.baseFee
    this.sizeLimitBytes = start.sizeLimitBytes
    this.#feeRow = this.draft.row(environment.runtime.moduleAccount('fees'))
    this.rules = rulesVersion(environment.runtime.scheme, environment.mainHeight)
    const { shard, height } = environment
    this.#next = { vShard: shard.vShard, height, baseFee: this.baseFee, rules: this.rules }
    for (const module of environment.runtime.modules)
      module.beginBlock?.(createModuleContext(this, module.name, this.#hookEvents))
  }

  get gasUsed(): number {
    return this.#gasUsed
  }

  /** Executes a transaction, or refuses it without a trace. */
  transaction(prepared: PreparedTransaction): Outcome<Receipt> {
    const { tx } = prepared
    const { runtime } = this.environment
    const refusal = checkAgainstBlock(tx, this.#next) ?? this.#checkGas(tx.gasLimit)
    if (refusal !== undefined) return { ok: false, reason: refusal }
    const row = this.draft.row(prepared.account)
    const sender = this.draft.account(row)
    if (tx.nonce !== sender.nonce) return { ok: false, reason: nonceRefusal(tx.nonce, sender.nonce) }
    const price = gasPrice(tx, this.baseFee)
    const deposit = BigInt(tx.gasLimit) * price
    if (sender.balance < deposit) {
      return {
        ok: false,
        reason: {
          code: 'ARM_TX_FUNDS',
          message: 'balance does not cover the gas limit',
          data: { balanceMotes: sender.balance.toString(), neededMotes: deposit.toString() },
        },
      }
    }
    this.draft.setAccount(row, { balance: sender.balance - deposit, nonce: sender.nonce + 1, keyType: tx.keyType })

    const meter = new GasMeter(tx.gasLimit)
    meter.charge(prepared.intrinsicGas)
    const frame: Frame = {
      module: tx.call.module,
      sender: row,
      receiver: row,
      value: 0n,
      traceId: prepared.id,
      hop: 0,
      price,
      meter,
      events: [],
      messages: [],
    }
    const failure = this.#run(frame, prepared.call, prepared.args)
    const { burnt, kept } = splitFee(meter.used, price, this.baseFee, runtime.scheme.fees.burnPercent)
    const after = this.draft.account(row)
    this.draft.setAccount(row, { ...after, balance: after.balance + deposit - burnt - kept })
    this.#burnt += burnt
    this.#kept += kept
    return { ok: true, value: this.#receipt(RECEIPT_TRANSACTION, prepared.id, frame, failure, burnt + kept) }
  }

  /** Delivers a message of the inbox, whose place in its channel the caller has checked, or bounces it. */
  message(bytes: Uint8Array, message: Message): Receipt {
    const total = message.value + message.prepaid
    this.#received += total
    if (message.kind === MESSAGE_BOUNCE) return this.#refund(bytes, message)

    const meter = new GasMeter(message.gasLimit)
    const from = this.draft.row(message.from)
    const to = this.draft.row(message.to)
    const frame: Frame = {
      module: message.call?.module ?? 'bank',
      sender: from,
      receiver: to,
      value: message.value,
      traceId: message.traceId,
      hop: message.hop,
      price: message.gasPrice,
      meter,
      events: [],
      messages: [],
    }
    const failure = this.#deliver(frame, message)
    const { burnt, kept } = splitFee(
      meter.used,
      message.gasPrice,
      message.gasPrice,
      this.environment.runtime.scheme.fees.burnPercent,
    )
    this.#burnt += burnt
    this.#kept += kept
    const unused = message.prepaid - burnt - kept
    if (failure !== undefined) this.#bounce(frame, message, message.value + unused, failure.code)
    // Unused gas of a delivered message goes to the sender's own sub-account here: one key holds both.
    else if (unused > 0n) this.credit(from, unused)
    return this.#receipt(RECEIPT_MESSAGE, sha256(bytes), frame, failure, burnt + kept)
  }

  /** Ends the block; `sizeBytes` is that of its body. */
  end(sizeBytes: number): BlockResult {
    const { runtime } = this.environment
    for (const module of runtime.modules) module.endBlock?.(createModuleContext(this, module.name, this.#hookEvents))
    if (this.#hookEvents.length > 0) this.#receipts.unshift(this.#hookReceipt())
    if (this.#kept > 0n) this.credit(this.#feeRow, this.#kept)
    const kernel: KernelState = {
      baseFee: nextBaseFee(this.baseFee, this.#gasUsed, runtime.scheme.fees),
      sizeLimitBytes: nextSizeLimit(this.sizeLimitBytes, sizeBytes, runtime.scheme.blocks),
      burnt: this.#start.burnt + this.#burnt,
      sent: BigInt.asUintN(64, this.#start.sent + this.#sent),
      received: BigInt.asUintN(64, this.#start.received + this.#received),
      genesisMotes: this.#start.genesisMotes,
      mainHeight: this.environment.mainHeight,
    }
    writeKernelState(this.draft, kernel)
    return {
      writes: this.draft.writes(),
      receipts: this.#receipts,
      detailsFields: this.#fields(runtime.detailsFields, (field, context) => field(context)),
      outgoing: this.outgoing,
      gasUsed: this.#gasUsed,
      baseFee: this.baseFee,
      sizeLimitBytes: this.sizeLimitBytes,
      kernel,
    }
  }

  /** Encodes into bytes that live as long as what else this block encodes. */
  encode<Value>(codec: Codec<Value>, value: Value): Uint8Array {
    const bytes = this.#arena.take(codec.size(value))
    codec.encodeInto(value, bytes, 0)
    return bytes
  }

  credit(row: Row, motes: bigint): void {
    const account = this.draft.account(row)
    invariant(account.balance + motes <= MOTES_MAX, 'a balance exceeds the supply')
    this.draft.setAccount(row, { ...account, balance: account.balance + motes })
  }

  debit(row: Row, motes: bigint): boolean {
    const account = this.draft.account(row)
    if (account.balance < motes) return false
    this.draft.setAccount(row, { ...account, balance: account.balance - motes })
    return true
  }

  /** The shard that a message goes to, or why it may not be sent. */
  route(frame: Frame, hop: number, { vShard, to }: Pick<SendMessage, 'vShard' | 'to'>): Outcome<ShardKey> {
    if (hop > MESSAGE_HOPS_MAX)
      return refuse('ARM_CALL_LIMIT', 'message has made too many hops', { max: MESSAGE_HOPS_MAX })
    if (frame.messages.length >= TX_MESSAGES_MAX)
      return refuse('ARM_CALL_LIMIT', 'too many messages', { max: TX_MESSAGES_MAX })
    const destination = this.environment.resolve(vShard, to)
    return destination === undefined
      ? refuse('ARM_CALL_SHARD', 'unknown vShard', { vShard })
      : { ok: true, value: destination }
  }

  /** Appends to the outbox; value and prepaid gas have left the payer before. */
  post(frame: Frame, message: Omit<Message, 'source' | 'destination' | 'seq'>, destination: ShardKey): void {
    const seq = readOutboxNext(this.draft, destination)
    writeOutboxNext(this.draft, destination, seq + 1)
    const full: Message = { ...message, source: this.environment.shard, destination, seq }
    this.outgoing.push({ message: full, bytes: messageCodec.encode(full) })
    frame.messages.push({ destination, seq, value: message.value })
    this.#sent += message.value + message.prepaid
  }

  #deliver(frame: Frame, message: Message): Refusal | undefined {
    const { runtime, mainHeight } = this.environment
    if (mainHeight > message.expiryHeight) return { code: 'ARM_MSG_EXPIRED', message: 'message has expired' }
    if (message.gasLimit < GAS.deliver) return { code: 'ARM_MSG_GAS', message: 'prepaid gas does not cover delivery' }
    frame.meter.charge(GAS.deliver)
    const mark = this.draft.mark()
    this.credit(frame.receiver, message.value)
    if (message.call === undefined) return undefined
    const handler = runtime.messageHandler(message.call.module, message.call.method)
    let failure: Refusal | undefined = { code: 'ARM_MSG_CALL_UNKNOWN', message: 'no such message handler' }
    if (handler !== undefined) {
      const args = decodeArgs(handler, message.call.args)
      failure = args.ok ? this.#run(frame, handler, args.value, true) : args.reason
    }
    if (failure !== undefined) this.draft.rollback(mark)
    return failure
  }

  #refund(bytes: Uint8Array, message: Message): Receipt {
    const to = this.draft.row(message.to)
    this.credit(to, message.value + message.prepaid)
    const frame: Frame = {
      module: 'bank',
      sender: to,
      receiver: to,
      value: message.value,
      traceId: message.traceId,
      hop: message.hop,
      price: 0n,
      meter: new GasMeter(0),
      events: [],
      messages: [],
    }
    return this.#receipt(RECEIPT_BOUNCE, sha256(bytes), frame, undefined, 0n)
  }

  #bounce(frame: Frame, message: Message, value: bigint, cause: string): void {
    const bounce = {
      traceId: message.traceId,
      hop: Math.min(message.hop + 1, 255),
      kind: MESSAGE_BOUNCE,
      from: message.to,
      to: message.from,
      value,
      gasLimit: 0,
      gasPrice: 0n,
      prepaid: 0n,
      expiryHeight: Number.MAX_SAFE_INTEGER,
      call: undefined,
      cause,
    }
    this.post(frame, bounce, message.source)
  }

  /** Runs a call; on failure its effects are gone, its gas is not. */
  #run(frame: Frame, definition: CallDefinition, args: unknown, chargeBase = false): Refusal | undefined {
    const mark = this.draft.mark()
    const sent = this.#sent
    const outgoing = this.outgoing.length
    let failure: Refusal | undefined
    try {
      if (chargeBase) frame.meter.charge(definition.gas)
      failure = definition.run(createCallContext(this, frame), args)
    } catch (error) {
      if (error instanceof OutOfGas) failure = { code: 'ARM_CALL_GAS', message: 'out of gas' }
      // What the context does not take from the module: as deterministic as a refusal.
      else if (isArmError(error))
        failure = { code: error.code === 'ARM_CALL_LIMIT' ? error.code : 'ARM_CALL_FAILED', message: error.message }
      else throw error
    }
    if (failure === undefined) return undefined
    this.draft.rollback(mark)
    this.#sent = sent
    this.outgoing.length = outgoing
    frame.events.length = 0
    frame.messages.length = 0
    return failure
  }

  #receipt(kind: number, id: Uint8Array, frame: Frame, failure: Refusal | undefined, fee: bigint): Receipt {
    const events: readonly Event[] = frame.events
    const receipt: Receipt = {
      kind,
      id,
      traceId: frame.traceId,
      ok: failure === undefined,
      code: failure?.code ?? '',
      gasUsed: frame.meter.used,
      fee,
      events,
      messages: frame.messages,
    }
    this.#receipts.push(this.#encodeReceipt(receipt))
    this.#gasUsed += frame.meter.used
    return receipt
  }

  #hookReceipt(): Uint8Array {
    return this.#encodeReceipt({
      kind: RECEIPT_BLOCK,
      id: NO_ID,
      traceId: NO_ID,
      ok: true,
      code: '',
      gasUsed: 0,
      fee: 0n,
      events: this.#hookEvents,
      messages: [],
    })
  }

  #encodeReceipt(receipt: Receipt): Uint8Array {
    const { runtime } = this.environment
    if (runtime.receiptFields.length === 0) return this.encode(runtime.receipts, receipt)
    return this.encode(runtime.receipts, {
      ...receipt,
      ...this.#fields(runtime.receiptFields, (field, context) => field(context, receipt)),
    })
  }

  /** Values of the fields that a scheme has added, from the modules that supply them. */
  #fields<Field>(
    suppliers: readonly FieldSupplier<Field>[],
    ask: (field: Field, context: ReadContext) => unknown,
  ): Readonly<Record<string, unknown>> {
    return Object.fromEntries(
      suppliers.map(({ name, module, field }) => [name, ask(field, createModuleContext(this, module, []))]),
    )
  }

  #checkGas(gasLimit: number): Refusal | undefined {
    const { maxGas } = this.environment.runtime.scheme.blocks
    if (this.#gasUsed + gasLimit <= maxGas) return undefined
    return { code: 'ARM_BLOCK_LIMIT', message: 'the block has no gas left for this transaction', data: { gasLimit } }
  }
}

export function nonceRefusal(nonce: number, expected: number): Refusal {
  if (nonce < expected) return { code: 'ARM_TX_NONCE_LOW', message: 'nonce is already used', data: { nonce, expected } }
  return { code: 'ARM_TX_NONCE_GAP', message: 'transactions before this one are missing', data: { nonce, expected } }
}

/** True for a message kind that exists: others are no valid import. */
export function isMessageKind(kind: number): boolean {
  return kind === MESSAGE_DELIVER || kind === MESSAGE_BOUNCE
}

function decodeArgs(definition: CallDefinition, args: Uint8Array): Outcome<unknown> {
  try {
    return { ok: true, value: definition.decode(args) }
  } catch (error) {
    if (!isArmError(error)) throw error
    return { ok: false, reason: { code: 'ARM_MSG_CALL_ARGS', message: 'arguments do not fit the message handler' } }
  }
}
