/** Signatures one after the other in `data`: item i from `offsets[i]` to `offsets[i + 1]`. */
export type Batch = ItemBatch | TransactionBatch

/** An item is a key (32 bytes), a signature (64) and the message. */
export type ItemBatch = {
  readonly type: 'items'
  readonly data: Uint8Array
  /** Where each item starts, and the end of the last: one more than there are items, not falling, within `data`. */
  readonly offsets: Uint32Array
}

/**
 * An item is a transaction that ends in its signature: the field that holds it takes 66 bytes, a header of 2 and the
 * signature. Signed is the domain followed by all before that field.
 */
export type TransactionBatch = {
  readonly type: 'transactions'
  readonly data: Uint8Array
  readonly offsets: Uint32Array
  /** 32 bytes. */
  readonly domain: Uint8Array
  /** Where the signer's key stands in each transaction. */
  readonly keyOffset: number
}

export type Item = {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

export const KEY_BYTES = 32
export const SIGNATURE_BYTES = 64

/** @throws {TypeError | RangeError} naming the first argument that does not fit. */
export function checkBatch(batch: Batch): void {
  const { data, offsets } = batch
  if (!(data instanceof Uint8Array)) throw new TypeError('batch.data: a Uint8Array is needed')
  if (!(offsets instanceof Uint32Array)) throw new TypeError('batch.offsets: a Uint32Array is needed')
  if (offsets.length === 0) throw new RangeError('batch.offsets: the end of the last item is missing')
  for (let i = 1; i < offsets.length; i++)
    if ((offsets[i] as number) < (offsets[i - 1] as number))
      throw new RangeError(`batch.offsets: item ${i - 1} ends before it starts`)
  if ((offsets.at(-1) as number) > data.length)
    throw new RangeError('batch.offsets: the last item ends behind the data')
  if (batch.type === 'transactions') checkTransactions(batch)
  else if (batch.type !== 'items') throw new TypeError("batch.type: 'items' or 'transactions' is needed")
}

function checkTransactions({ domain, keyOffset }: TransactionBatch): void {
  if (!(domain instanceof Uint8Array)) throw new TypeError('batch.domain: a Uint8Array is needed')
  if (domain.length !== 32) throw new RangeError(`batch.domain: 32 bytes are needed, not ${domain.length}`)
  if (!Number.isInteger(keyOffset) || keyOffset < 0 || keyOffset > 0x7fff_ffff)
    throw new RangeError(`batch.keyOffset: a position is needed, not ${keyOffset}`)
}

/** Items as a batch. Keys and signatures have their lengths. */
export function packItems(items: readonly Item[]): ItemBatch {
  const offsets = new Uint32Array(items.length + 1)
  items.forEach(({ message }, i) => {
    offsets[i + 1] = (offsets[i] as number) + KEY_BYTES + SIGNATURE_BYTES + message.length
  })
  const data = new Uint8Array(offsets[items.length] as number)
  items.forEach(({ publicKey, signature, message }, i) => {
    const at = offsets[i] as number
    data.set(publicKey, at)
    data.set(signature, at + KEY_BYTES)
    data.set(message, at + KEY_BYTES + SIGNATURE_BYTES)
  })
  return { type: 'items', data, offsets }
}
