// Damaged and crafted signatures: batch and single verification, by both builds, against what ZIP215 says of each.
//
//   npm run fuzz -w @armchain/ed25519-batch -- --count 1000000 --seed 7
//
// Where the discrete logarithms of key and R are known (key = a B + small, R = r B + small), the verdict follows from
// s = r + H(R, key, message) a alone, which costs microseconds; one in `CROSS_CHECK` of these is put to noble as well.
// Noble judges all others: those whose key or R had a byte changed, and random ones.
import { parseArgs } from 'node:util'
import { createEd25519Kernel, type Item } from '@armchain/ed25519-batch'
import { ED25519_TORSION_SUBGROUP, ed25519 } from '@noble/curves/ed25519.js'
import { sha512 } from '@noble/hashes/sha2.js'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: `${Date.now() % 0x1_0000_0000}` },
  },
})

type Case = { readonly kind: string; readonly item: Item; readonly expected: boolean }
type Known = { readonly encoding: Uint8Array; readonly logarithm: bigint }

const POOL = 64
const BATCH_MAX = 300
const CROSS_CHECK = 20
const { Point } = ed25519
const ORDER = Point.Fn.ORDER
const FIELD = 2n ** 255n - 19n

const random = generator(Number(values.seed))
const torsion = ED25519_TORSION_SUBGROUP.map((hex) => Point.fromHex(hex, true))
const keys = knownPoints()
const nonces = knownPoints()
const small = smallEncodings()
let judged = 0

function fuzz(count: number): void {
  console.log(`seed ${values.seed}, ${count} signatures`)
  // Both builds; asks for `simd` by name, so that an engine without it ends the run instead of passing for tested.
  const kernels = (['simd', 'scalar'] as const).map((arithmetic) =>
    createEd25519Kernel({ keyCacheMax: 1000, arithmetic }),
  )
  const tally = new Map<string, number>()
  let accepted = 0
  for (let done = 0, next = 0; done < count; ) {
    const cases = Array.from({ length: Math.min(1 + below(BATCH_MAX), count - done) }, craft)
    const batches = kernels.map((kernel) => kernel.verifyItems(cases.map(({ item }) => item)))
    cases.forEach(({ kind, item, expected }, i) => {
      const batch = batches.map((verdicts) => verdicts[i] as boolean)
      const single = kernels.map((kernel) => kernel.verify(item.publicKey, item.message, item.signature))
      if ([...batch, ...single].some((verdict) => verdict !== expected)) fail(kind, item, expected, batch, single)
      const name = `${kind}: ${expected ? 'accepted' : 'refused'}`
      tally.set(name, (tally.get(name) ?? 0) + 1)
      if (expected) accepted++
    })
    done += cases.length
    if (done >= next) {
      console.log(`${done} agree, ${accepted} of them accepted, ${judged} judged by noble`)
      next = done + count / 10
    }
  }
  for (const [name, times] of [...tally].sort()) console.log(`${String(times).padStart(9)} ${name}`)
}

function fail(
  kind: string,
  { publicKey, message, signature }: Item,
  expected: boolean,
  batch: readonly boolean[],
  single: readonly boolean[],
): void {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const item = { publicKey: hex(publicKey), message: hex(message), signature: hex(signature) }
  throw new Error(`${kind}: ZIP215 says ${expected}, batch ${batch}, single ${single}: ${JSON.stringify(item)}`)
}

/** A signature of a random kind. */
function craft(): Case {
  const [key, nonce, other] = [pick(keys), pick(nonces), pick(keys)]
  const message = bytes(below(200))
  const kind = pick(Object.keys(KINDS)) as keyof typeof KINDS
  return KINDS[kind](kind, key, nonce, message, other)
}

type Kind = (kind: string, key: Known, nonce: Known, message: Uint8Array, other: Known) => Case

const KINDS = {
  honest: (kind, key, nonce, message) => known(kind, key, nonce, message, proof(key, nonce, message)),
  'bit of s': (kind, key, nonce, message) =>
    known(kind, key, nonce, message, proof(key, nonce, message) ^ (1n << BigInt(below(256)))),
  's + L': (kind, key, nonce, message) =>
    known(kind, key, nonce, message, proof(key, nonce, message) + ORDER * BigInt(1 + below(15))),
  's near L': (kind, key, nonce, message) => known(kind, key, nonce, message, ORDER - 2n + BigInt(below(5))),
  'another message': (kind, key, nonce, message) =>
    known(kind, key, nonce, bytes(below(200)), proof(key, nonce, message)),
  'another key': (kind, key, nonce, message, other) => known(kind, other, nonce, message, proof(key, nonce, message)),
  'R plus small': (kind, key, nonce, message) => {
    const moved = pick(nonces.filter(({ logarithm }) => logarithm === nonce.logarithm))
    return known(kind, key, moved, message, proof(key, nonce, message))
  },
  'small key': (kind, _, nonce, message) => {
    const key = pick(small)
    return known(kind, key, nonce, message, proof(key, nonce, message))
  },
  'small R': (kind, key, _, message) => {
    const nonce = pick(small)
    return known(kind, key, nonce, message, proof(key, nonce, message))
  },
  'byte of R': (kind, key, nonce, message) =>
    known(kind, key, { ...nonce, encoding: damaged(nonce.encoding) }, message, proof(key, nonce, message), judge),
  'byte of key': (kind, key, nonce, message) =>
    known(kind, { ...key, encoding: damaged(key.encoding) }, nonce, message, proof(key, nonce, message), judge),
  random: (kind, _, __, message) => {
    const item = { publicKey: bytes(32), message, signature: bytes(64) }
    item.signature[63] = (item.signature[63] as number) & 0x0f
    return { kind, item, expected: judge(item) }
  },
} as const satisfies Record<string, Kind>

/** The item of the parts; its verdict by the logarithms, or by `decide`. */
function known(
  kind: string,
  key: Known,
  nonce: Known,
  message: Uint8Array,
  s: bigint,
  decide?: (item: Item) => boolean,
): Case {
  const signature = new Uint8Array(64)
  signature.set(nonce.encoding)
  signature.set(encode(s), 32)
  const item = { publicKey: key.encoding, message, signature }
  if (decide !== undefined) return { kind, item, expected: decide(item) }
  const expected = s < ORDER && s === proof(key, nonce, message)
  if (below(CROSS_CHECK) === 0 && judge(item) !== expected) throw new Error(`noble and the logarithms differ: ${kind}`)
  return { kind, item, expected }
}

/** The s below the order that makes the signature valid. */
function proof(key: Known, nonce: Known, message: Uint8Array): bigint {
  const hash = sha512.create().update(nonce.encoding).update(key.encoding).update(message).digest()
  return (nonce.logarithm + (decode(hash) % ORDER) * key.logarithm) % ORDER
}

function judge({ publicKey, message, signature }: Item): boolean {
  judged++
  try {
    return ed25519.verify(signature, message, publicKey, { zip215: true })
  } catch {
    return false
  }
}

/** Each logarithm with each of the eight points of small order added. */
function knownPoints(): Known[] {
  return Array.from({ length: POOL }, () => (decode(bytes(40)) % (ORDER - 1n)) + 1n).flatMap((logarithm) =>
    torsion.map((point) => ({ encoding: Point.BASE.multiply(logarithm).add(point).toBytes(), logarithm })),
  )
}

/** All encodings of the points of small order, also those that are not canonical. */
function smallEncodings(): Known[] {
  return torsion.flatMap((point) => {
    const { x, y } = point.toAffine()
    const ys = y + FIELD < 2n ** 255n ? [y, y + FIELD] : [y]
    const signs = x === 0n ? [0n, 1n] : [x & 1n]
    return ys.flatMap((each) => signs.map((sign) => ({ encoding: encode(each | (sign << 255n)), logarithm: 0n })))
  })
}

function damaged(encoding: Uint8Array): Uint8Array {
  const at = below(encoding.length)
  return encoding.with(at, (encoding[at] as number) ^ (1 + below(255)))
}

function encode(value: bigint): Uint8Array {
  return Uint8Array.from(Buffer.from((value & (2n ** 256n - 1n)).toString(16).padStart(64, '0'), 'hex').reverse())
}

function decode(encoding: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(encoding).reverse().toString('hex')}`)
}

function pick<T>(from: readonly T[]): T {
  return from[below(from.length)] as T
}

function bytes(count: number): Uint8Array {
  return Uint8Array.from({ length: count }, () => below(256))
}

function below(limit: number): number {
  return Math.floor(random() * limit)
}

/** 0 to below 1, repeatable: a 32-bit counter through a mixing function. */
function generator(seed: number): () => number {
  let counter = seed >>> 0
  return () => {
    counter = (counter + 0x9e3779b9) >>> 0
    let mixed = Math.imul(counter ^ (counter >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 0x1_0000_0000
  }
}

fuzz(Number(values.count))
