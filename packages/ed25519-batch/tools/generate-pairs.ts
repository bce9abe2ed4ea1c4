// Writes the AssemblyScript of the arithmetic on pairs of field elements, for engines with relaxed SIMD.
//
// A *pair* is two elements of GF(2^255 - 19), one in each lane of five 128-bit vectors: five limbs of 51 bits each,
// signed integers held as doubles. A fused multiply-add gives both halves of a product of two limbs exactly, without
// the integer multiplications that WebAssembly's vectors lack (Emmart's method):
//
//   high = a * b + 3 * 2^102                 rounds a * b to a multiple of 2^51, which stands in the low bits of `high`
//   low  = a * b + (3 * 2^102 + 3 * 2^51 - high)   exactly what the rounding left, with 3 * 2^51 added
//
// The bits of doubles of one exponent are integers plus a constant, so halves are summed as integers and the constants
// taken off once a column. It holds for |a * b| <= 2^102; see `isFused` for engines that do not fuse.
//
// Bounds: a *tight* limb is at most 2^50 + 2^13 in magnitude; what a product or a reduction gives is tight. A factor may
// be a sum of two tight ones (2^51 + 2^14) if the other factor is tight, and both may be plain limbs below 2^51.
// A folded column has five low and five high halves with factors up to 19: at most 19 * 5 * (2^50 + 2^51) < 2^58.2.

const P = 2n ** 255n - 19n
const LIMB_BITS = 51n
const HALF_LIMB = 2n ** 50n
/** Makes the sum of two columns non-negative, as vectors have no arithmetic shift; a multiple of 2^51. */
const OFFSET = 2n ** 61n

const SPLIT = doubleBits(3 * 2 ** 102)
const LIFT = doubleBits(3 * 2 ** 102 + 3 * 2 ** 51)
const LOW = doubleBits(3 * 2 ** 51)
/** Its last bit counts 1, so that an integer below 2^51 in magnitude, added to the bits, is added to the number. */
const UNIT = doubleBits(3 * 2 ** 51)
const SHRINK = doubleBits(2 ** -51)
const SHRINK_19 = doubleBits(19 * 2 ** -51)

const limbs = [0, 1, 2, 3, 4]

/** The whole of `generated/pairs`. */
export function generatePairs(): string {
  return [
    define('pairMul', 'r: usize, a: usize, b: usize', [
      ...CONSTANTS,
      ...load('a', 'a'),
      ...load('b', 'b'),
      ...product('p', 'a', 'b').lines,
      ...carry('o', 'p', product('p', 'a', 'b').surplus),
      ...store('r', 'o'),
    ]),
    squareTimes(),
    reduce(),
    additive('pairAdd', 'add'),
    additive('pairSub', 'sub'),
    addition(),
    firstAddition(),
    ...Object.entries(constants()).map(([name, [low, high]]) => `export const ${name}: usize = ${data(low, high)};\n`),
  ].join('\n')
}

const CONSTANTS = [
  `const split: v128 = ${splatDouble(SPLIT)};`,
  `const lift: v128 = ${splatDouble(LIFT)};`,
  `const mask: v128 = ${splatInteger(2n ** LIMB_BITS - 1n)};`,
  `const unit: v128 = ${splatDouble(UNIT)};`,
]
const REDUCTION_CONSTANTS = [
  `const round: v128 = ${splatDouble(SPLIT)};`,
  `const shrink: v128 = ${splatDouble(SHRINK)};`,
  `const shrink19: v128 = ${splatDouble(SHRINK_19)};`,
]
/** For points: which lane a negation changes, from `negative`, which is 0 or -1. */
const SIGN_CONSTANTS = [
  'const neg: v128 = i64x2.splat(negative);',
  'const sign: v128 = i64x2(i64.MIN_VALUE, 0);',
  'const flip: v128 = v128.and(neg, sign);',
]

type Product = { readonly lines: readonly string[]; readonly surplus: readonly bigint[] }

/** Columns `r0` to `r4` of a * b, not carried, folded modulo p; `surplus` is what the doubles' exponents add to each. */
function product(r: string, a: string, b: string): Product {
  const columns = [...Array(10).keys()]
  const once: string[][] = columns.map(() => [])
  const twice: string[][] = columns.map(() => [])
  const surplus: bigint[] = columns.map(() => 0n)
  const lines: string[] = []
  for (const i of limbs) {
    for (const j of limbs) {
      if (a === b && j < i) continue
      const doubled = a === b && i !== j
      const [high, low] = [`${r}h${i}${j}`, `${r}l${i}${j}`]
      lines.push(`const ${high}: v128 = f64x2.relaxed_madd(${a}${i}, ${b}${j}, split);`)
      lines.push(`const ${low}: v128 = f64x2.relaxed_madd(${a}${i}, ${b}${j}, f64x2.sub(lift, ${high}));`)
      for (const [column, half, bits] of [
        [i + j, low, LOW],
        [i + j + 1, high, SPLIT],
      ] as const) {
        ;(doubled ? twice : once)[column]?.push(half)
        surplus[column] = (surplus[column] as bigint) + bits * (doubled ? 2n : 1n)
      }
    }
  }
  for (const k of columns) {
    const [single, double] = [sum(once[k] as string[]), sum(twice[k] as string[])]
    const terms = [...(single === '' ? [] : [single]), ...(double === '' ? [] : [`i64x2.shl(${double}, 1)`])]
    lines.push(`const ${r}c${k}: v128 = ${sum(terms)};`)
  }
  for (const k of limbs) lines.push(`const ${r}${k}: v128 = i64x2.add(${r}c${k}, ${times19(`${r}c${k + 5}`)});`)
  return { lines, surplus: limbs.map((k) => (surplus[k] as bigint) + 19n * (surplus[k + 5] as bigint)) }
}

/** Tight doubles `o0` to `o4` from columns: one carry from each limb to the next, all at once. */
function carry(o: string, columns: string, surplus: readonly bigint[]): string[] {
  const lines: string[] = []
  for (const k of limbs) {
    const shift = OFFSET + HALF_LIMB - (surplus[k] as bigint)
    lines.push(`const ${o}s${k}: v128 = i64x2.add(${columns}${k}, ${splatInteger(shift)});`)
    lines.push(`const ${o}q${k}: v128 = i64x2.shr_u(${o}s${k}, ${LIMB_BITS});`)
  }
  lines.push(`const ${o}w: v128 = ${times19(`${o}q4`)};`)
  for (const k of limbs) {
    const carried = OFFSET >> LIMB_BITS
    const constant = UNIT - HALF_LIMB - (k === 0 ? 19n * carried : carried)
    const rest = `i64x2.add(v128.and(${o}s${k}, mask), ${splatInteger(constant)})`
    lines.push(`const ${o}${k}: v128 = f64x2.sub(i64x2.add(${rest}, ${o}${k === 0 ? 'w' : `q${k - 1}`}), unit);`)
  }
  return lines
}

/** r = a^(2^n) in both lanes, n >= 1, the limbs kept out of memory in between. */
function squareTimes(): string {
  const square = product('p', 'a', 'a')
  return define('pairSquareTimes', 'r: usize, a: usize, n: i32', [
    ...CONSTANTS,
    ...load('a', 'a').map((line) => line.replace('const', 'let')),
    'do {',
    ...square.lines,
    ...carry('o', 'p', square.surplus),
    ...limbs.map((k) => `a${k} = o${k};`),
    '} while (--n > 0);',
    ...store('r', 'a'),
  ])
}

/** Limbs `o0` to `o4` brought back to tight ones from up to 2^53. */
function reduced(o: string, a: string): string[] {
  return [
    ...limbs.map((k) => `const ${o}h${k}: v128 = f64x2.sub(f64x2.add(${a}${k}, round), round);`),
    ...limbs.map((k) => {
      const carried = k === 0 ? `f64x2.mul(${o}h4, shrink19)` : `f64x2.mul(${o}h${k - 1}, shrink)`
      return `const ${o}${k}: v128 = f64x2.add(f64x2.sub(${a}${k}, ${o}h${k}), ${carried});`
    }),
  ]
}

function reduce(): string {
  return define('pairReduce', 'r: usize, a: usize', [
    ...REDUCTION_CONSTANTS,
    ...load('a', 'a'),
    ...reduced('o', 'a'),
    ...store('r', 'o'),
  ])
}

function additive(name: string, operation: 'add' | 'sub'): string {
  const at = (pointer: string, k: number): string => `v128.load(${pointer}, ${16 * k})`
  return `// @ts-ignore: decorator\n@inline\n${define(
    name,
    'r: usize, a: usize, b: usize',
    limbs.map((k) => `v128.store(r, f64x2.${operation}(${at('a', k)}, ${at('b', k)}), ${16 * k});`),
  )}`
}

/** Limbs of q, which is (Y-X | Y+X) and (2dT | 2Z): lanes swapped, and 2dT negated, where q is to be subtracted. */
function signedPoint(): string[] {
  return [
    ...load('e', 'q'),
    ...limbs.map((k) => `const q${k}: v128 = v128.bitselect(${swapped(`e${k}`)}, e${k}, neg);`),
    ...limbs.map((k) => `const w${k}: v128 = v128.xor(v128.load(q, ${80 + 16 * k}), flip);`),
  ]
}

/** The sum of an addition from d = (E | F) and s = (H | G): (X | Y) = (E | G) (F | H), (T | Z) = d s. */
function finish(): string[] {
  const xy = product('x', 'g', 'f')
  const tz = product('t', 'd', 's')
  return [
    ...limbs.map((k) => `const g${k}: v128 = v128.shuffle<i64>(d${k}, s${k}, 0, 3);`),
    ...limbs.map((k) => `const f${k}: v128 = v128.shuffle<i64>(d${k}, s${k}, 1, 2);`),
    ...xy.lines,
    ...carry('o', 'x', xy.surplus),
    ...store('r', 'o'),
    ...tz.lines,
    ...carry('v', 't', tz.surplus),
    ...store('r', 'v', 80),
  ]
}

/**
 * r = r + q, or r - q; r is (X | Y) and (T | Z), both tight. With A = (Y-X)(Y'-X'), B = (Y+X)(Y'+X'), C = T 2dT',
 * D = Z 2Z': E = B - A, F = D - C, G = D + C, H = B + A. These are made of columns before they are carried, so that the
 * two products and the two sums share their carries.
 */
function addition(): string {
  const ab = product('a', 'u', 'q')
  const cd = product('c', 'z', 'w')
  return define('pairAddPoint', 'r: usize, q: usize, negative: i64', [
    ...CONSTANTS,
    ...SIGN_CONSTANTS,
    ...load('p', 'r'),
    ...limbs.map((k) => `const u${k}: v128 = f64x2.add(${swapped(`p${k}`)}, v128.xor(p${k}, sign));`),
    ...signedPoint(),
    ...ab.lines,
    ...limbs.map((k) => `const z${k}: v128 = v128.load(r, ${80 + 16 * k});`),
    ...cd.lines,
    ...limbs.map((k) => `const m${k}: v128 = v128.shuffle<i64>(a${k}, c${k}, 1, 3);`),
    ...limbs.map((k) => `const n${k}: v128 = v128.shuffle<i64>(a${k}, c${k}, 0, 2);`),
    ...limbs.map((k) => `const sum${k}: v128 = i64x2.add(m${k}, n${k});`),
    ...limbs.map((k) => `const difference${k}: v128 = i64x2.sub(m${k}, n${k});`),
    ...carry(
      's',
      'sum',
      ab.surplus.map((surplus) => 2n * surplus),
    ),
    ...carry(
      'd',
      'difference',
      ab.surplus.map(() => 0n),
    ),
    ...finish(),
  ])
}

/** r = q, or -q: the sum of an addition to the neutral element, where C = 0. E times H would be too large unless one is tight. */
function firstAddition(): string {
  return define('pairCopyPoint', 'r: usize, q: usize, negative: i64', [
    ...CONSTANTS,
    ...REDUCTION_CONSTANTS,
    ...SIGN_CONSTANTS,
    ...signedPoint(),
    'const zero: v128 = i64x2.splat(0);',
    ...limbs.map((k) => `const m${k}: v128 = v128.shuffle<i64>(q${k}, w${k}, 1, 3);`),
    ...limbs.map((k) => `const n${k}: v128 = v128.shuffle<i64>(q${k}, zero, 0, 2);`),
    ...limbs.map((k) => `const s${k}: v128 = f64x2.add(m${k}, n${k});`),
    ...limbs.map((k) => `const loose${k}: v128 = f64x2.sub(m${k}, n${k});`),
    ...reduced('d', 'loose'),
    ...finish(),
  ])
}

function define(name: string, parameters: string, lines: readonly string[]): string {
  return `export function ${name}(${parameters}): void {\n${lines.map((line) => `  ${line}`).join('\n')}\n}\n`
}

function load(name: string, pointer: string): string[] {
  return limbs.map((k) => `const ${name}${k}: v128 = v128.load(${pointer}, ${16 * k});`)
}

function store(pointer: string, name: string, offset = 0): string[] {
  return limbs.map((k) => `v128.store(${pointer}, ${name}${k}, ${offset + 16 * k});`)
}

function sum(terms: readonly string[]): string {
  return terms.reduce((left, right) => (left === '' ? right : `i64x2.add(${left}, ${right})`), '')
}

function times19(value: string): string {
  return `i64x2.add(i64x2.add(i64x2.shl(${value}, 4), i64x2.shl(${value}, 1)), ${value})`
}

function swapped(value: string): string {
  return `v128.shuffle<i64>(${value}, ${value}, 1, 0)`
}

function splatDouble(bits: bigint): string {
  return `f64x2.splat(reinterpret<f64>(${hex(bits)}))`
}

function splatInteger(value: bigint): string {
  return `i64x2.splat(<i64>${hex(value)})`
}

function hex(value: bigint): string {
  return `<u64>0x${BigInt.asUintN(64, value).toString(16)}`
}

function doubleBits(value: number): bigint {
  const view = new DataView(new ArrayBuffer(8))
  view.setFloat64(0, value)
  return view.getBigUint64(0)
}

/** Balanced limbs of a constant in each lane: at most 2^50 in magnitude, the last below 2^51. */
function data(low: bigint, high: bigint): string {
  const [a, b] = [balanced(low), balanced(high)]
  return `memory.data<f64>([${limbs
    .flatMap((k) => [a[k], b[k]])
    .map((limb) => `${limb}.0`)
    .join(', ')}], 16)`
}

function balanced(value: bigint): bigint[] {
  let rest = value
  return limbs.map((k) => {
    const limb = k === 4 ? rest : BigInt.asIntN(Number(LIMB_BITS), rest)
    rest = (rest - limb) >> LIMB_BITS
    return limb
  })
}

/** Constants of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1). */
function constants(): Record<string, readonly [bigint, bigint]> {
  const d = modulo(-121665n * power(121666n, P - 2n))
  const twoD = modulo(2n * d)
  const root = power(2n, (P - 1n) / 4n)
  return {
    PAIR_ONE: [1n, 1n],
    PAIR_D: [d, d],
    PAIR_2D: [twoD, twoD],
    PAIR_2D_AND_2: [twoD, 2n],
    PAIR_ROOT_OF_MINUS_ONE: [root, root],
  }
}

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; square = (square * square) % P, rest >>= 1n)
    if (rest % 2n === 1n) result = (result * square) % P
  return result
}
