import { type Arithmetic, instantiateAsync, instantiateSync } from './arithmetic.ts'
import { type Batch, checkBatch, type Item, KEY_BYTES, packItems, SIGNATURE_BYTES } from './batch.ts'
import type { KernelExports } from './kernel-exports.ts'
import { BATCH_MAX, DATA_BYTES_MAX, KEY_CACHE_DEFAULT, KEY_CACHE_MAX, MULTIPLY_MAX } from './limits.ts'

export type KernelOptions = {
  /** Public keys kept decompressed, about 420 bytes each; 1 to `KEY_CACHE_MAX`. */
  readonly keyCacheMax?: number
  /** Fills an array with unpredictable bytes; `crypto.getRandomValues` if left out. Anything else is for tests alone. */
  readonly randomBytes?: (out: Uint8Array) => void
  /** The fastest that is exact on this engine, if left out. */
  readonly arithmetic?: Arithmetic
}

/**
 * Verifies ed25519 signatures under the ZIP215 rule, one way for one and for many: cofactored, s below the group order,
 * keys and R in any encoding of a point. Synchronous; one instance belongs to one thread.
 *
 * @see https://zips.z.cash/zip-0215
 */
export interface Ed25519Kernel {
  /**
   * One byte an item, 1 for a valid signature and 0 for any other. Items too short to hold their parts are 0.
   * @throws {TypeError | RangeError} if the batch does not describe items in its data.
   */
  verifyBatch(batch: Batch): Uint8Array<ArrayBuffer>
  /** As `verifyBatch`, of separate arrays; wrong lengths are false. */
  verifyItems(items: readonly Item[]): boolean[]
  /** Keys and signatures of a wrong length are false, not an error. */
  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
  /** Whether the key is the canonical encoding of a point of the prime-order subgroup other than the neutral element. */
  isAccountKey(publicKey: Uint8Array): boolean
  /** Whether RFC 8032 decodes the 32 bytes to a point of the curve, be it in the prime-order subgroup or not. */
  isCanonicalPoint(encoding: Uint8Array): boolean
  /**
   * The canonical encoding of the sum of scalars times points; undefined if one of them decodes to no point. Scalars are
   * integers below 2^256, used as they are, so the sum is exact outside the prime-order subgroup, too. Not constant in
   * time: for public values only.
   *
   * @param points 32 bytes each, read as ZIP215 reads them; the negative of a point is its encoding with the top bit of
   *   the last byte flipped.
   * @param scalars 32 bytes each, little-endian, as many as there are points.
   */
  multiply(points: Uint8Array, scalars: Uint8Array): Uint8Array<ArrayBuffer> | undefined
}

/**
 * Compiles and starts the kernel at once, in about 10 ms. Browsers refuse that on their main thread, see
 * `instantiateEd25519Kernel`.
 */
export function createEd25519Kernel(options: KernelOptions = {}): Ed25519Kernel {
  return start(instantiateSync(options.arithmetic), options)
}

/** The same, compiled off the thread that asks. */
export async function instantiateEd25519Kernel(options: KernelOptions = {}): Promise<Ed25519Kernel> {
  return start(await instantiateAsync(options.arithmetic), options)
}

function start(instance: WebAssembly.Instance, options: KernelOptions): Ed25519Kernel {
  const { keyCacheMax = KEY_CACHE_DEFAULT, randomBytes = platformRandom } = options
  if (!Number.isInteger(keyCacheMax) || keyCacheMax < 1 || keyCacheMax > KEY_CACHE_MAX)
    throw new RangeError(`keyCacheMax: 1 to ${KEY_CACHE_MAX} is needed, not ${keyCacheMax}`)
  return new WasmKernel(instance.exports as unknown as KernelExports, keyCacheMax, randomBytes)
}

/** In pieces, because the platform gives at most 64 KiB at a time. */
function platformRandom(out: Uint8Array): void {
  const random = globalThis.crypto
  for (let at = 0; at < out.length; at += 65_536)
    random.getRandomValues(out.subarray(at, at + 65_536) as Uint8Array<ArrayBuffer>)
}

class WasmKernel implements Ed25519Kernel {
  readonly #wasm: KernelExports
  readonly #randomBytes: (out: Uint8Array) => void
  /** Keys of one call stay cached until it ends, so it may have no more than there is room for. */
  readonly #batchMax: number

  constructor(wasm: KernelExports, keyCacheMax: number, randomBytes: (out: Uint8Array) => void) {
    this.#wasm = wasm
    this.#randomBytes = randomBytes
    this.#batchMax = Math.min(BATCH_MAX, keyCacheMax)
    if (wasm.initialize(keyCacheMax) === 0) throw new RangeError('keyCacheMax: there is no memory for so many keys')
    randomBytes(this.#view(wasm.seedAddress(), 64))
  }

  verifyBatch(batch: Batch): Uint8Array<ArrayBuffer> {
    checkBatch(batch)
    const count = batch.offsets.length - 1
    const verdicts = new Uint8Array(count)
    for (let from = 0; from < count; ) {
      const to = this.#pieceEnd(batch.offsets, from)
      if (to > from) verdicts.set(this.#verifyPiece(batch, from, to), from)
      else verdicts[from] = this.#verifyLong(batch, from) ? 1 : 0
      from = Math.max(to, from + 1)
    }
    return verdicts
  }

  verifyItems(items: readonly Item[]): boolean[] {
    const wellFormed = items.map(({ publicKey, signature }) => hasLengths(publicKey, signature))
    const verdicts = this.verifyBatch(packItems(items.filter((_, i) => wellFormed[i])))
    let next = 0
    return wellFormed.map((good) => good && verdicts[next++] === 1)
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    return hasLengths(publicKey, signature) && this.#verifySingle(publicKey, [message], signature)
  }

  isAccountKey(publicKey: Uint8Array): boolean {
    if (publicKey.length !== KEY_BYTES) return false
    this.#view(this.#wasm.singleAddress(), KEY_BYTES).set(publicKey)
    return this.#wasm.isAccountKey() === 1
  }

  isCanonicalPoint(encoding: Uint8Array): boolean {
    if (encoding.length !== KEY_BYTES) return false
    this.#view(this.#wasm.singleAddress(), KEY_BYTES).set(encoding)
    return this.#wasm.isCanonicalPoint() === 1
  }

  multiply(points: Uint8Array, scalars: Uint8Array): Uint8Array<ArrayBuffer> | undefined {
    const count = points.length / 32
    if (!Number.isInteger(count) || count > MULTIPLY_MAX)
      throw new RangeError(`points: up to ${MULTIPLY_MAX} times 32 bytes are needed, not ${points.length}`)
    if (scalars.length !== points.length)
      throw new RangeError(`scalars: ${points.length} bytes are needed, not ${scalars.length}`)
    this.#reserve(0, this.#wasm.multiplyBytes(count))
    const at = this.#wasm.dataAddress()
    this.#view(at, points.length).set(points)
    this.#view(at + points.length, scalars.length).set(scalars)
    return this.#wasm.multiply(count) === 1 ? this.#view(this.#wasm.singleAddress(), 32).slice() : undefined
  }

  /** The end of the longest piece from `from` that one call takes; `from` itself if its first item is too large. */
  #pieceEnd(offsets: Uint32Array, from: number): number {
    const start = offsets[from] as number
    const most = Math.min(offsets.length - 1, from + this.#batchMax)
    let to = most
    // Almost always the whole piece fits.
    while (to > from && (offsets[to] as number) - start > DATA_BYTES_MAX) to = from + ((to - from) >> 1)
    return to
  }

  #verifyPiece(batch: Batch, from: number, to: number): Uint8Array {
    const wasm = this.#wasm
    const count = to - from
    const start = batch.offsets[from] as number
    const size = (batch.offsets[to] as number) - start
    this.#reserve(count, size)
    this.#view(wasm.dataAddress(), size).set(batch.data.subarray(start, start + size))
    const offsets = new Uint32Array(wasm.memory.buffer, wasm.offsetsAddress(), count + 1)
    for (let i = 0; i <= count; i++) offsets[i] = (batch.offsets[from + i] as number) - start
    this.#randomBytes(this.#view(wasm.randomAddress(), 16 * count))
    if (batch.type === 'items') wasm.verifyItems(count)
    else {
      this.#view(wasm.domainAddress(), 32).set(batch.domain)
      wasm.verifyTransactions(count, batch.keyOffset)
    }
    return this.#view(wasm.verdictsAddress(), count)
  }

  /** An item with more than `DATA_BYTES_MAX`. */
  #verifyLong(batch: Batch, index: number): boolean {
    const item = batch.data.subarray(batch.offsets[index], batch.offsets[index + 1])
    if (batch.type === 'items')
      return this.#verifySingle(item.subarray(0, 32), [item.subarray(96)], item.subarray(32, 96))
    const { keyOffset, domain } = batch
    if (item.length < keyOffset + KEY_BYTES + SIGNATURE_BYTES + 2) return false
    const signed = item.subarray(0, -(SIGNATURE_BYTES + 2))
    return this.#verifySingle(
      item.subarray(keyOffset, keyOffset + KEY_BYTES),
      [domain, signed],
      item.subarray(-SIGNATURE_BYTES),
    )
  }

  #verifySingle(publicKey: Uint8Array, message: readonly Uint8Array[], signature: Uint8Array): boolean {
    const wasm = this.#wasm
    this.#reserve(1, Math.min(DATA_BYTES_MAX, Math.max(...message.map((part) => part.length))))
    const single = this.#view(wasm.singleAddress(), KEY_BYTES + SIGNATURE_BYTES)
    single.set(publicKey)
    single.set(signature, KEY_BYTES)
    if (wasm.beginSingle() === 0) return false
    for (const part of message) {
      for (let at = 0; at < part.length; at += DATA_BYTES_MAX) {
        const piece = part.subarray(at, at + DATA_BYTES_MAX)
        this.#view(wasm.dataAddress(), piece.length).set(piece)
        wasm.updateSingle(piece.length)
      }
    }
    return wasm.endSingle() === 1
  }

  #reserve(count: number, dataBytes: number): void {
    if (this.#wasm.reserve(count, dataBytes) === 0) throw new RangeError('The platform has no memory for the batch.')
  }

  /** Fresh each time: growing the memory detaches what was there. */
  #view(address: number, size: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#wasm.memory.buffer as ArrayBuffer, address, size)
  }
}

function hasLengths(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return publicKey.length === KEY_BYTES && signature.length === SIGNATURE_BYTES
}
