// Writes the AssemblyScript of the field arithmetic: straight-line code over ten limbs, too regular to write by hand.
//
// An element of GF(2^255 - 19) is ten unsigned limbs of 26, 25, 26, ... bits (radix 2^25.5), each in 32 bits of memory,
// two to a 64-bit word. A limb has room above its width, so additions and subtractions carry nothing. Bounds are kept
// by hand, in units: an element *of u units* has even limbs below u * 2^26 * (1 + 2^-8) and odd ones below
// u * 2^25 * (1 + 2^-8).
//
// - What a multiplication or `feCarry` gives has 1 unit.
// - a + b has the sum of both; a - b has that of a plus 2 (`feSub`, b of 1 unit) or plus 4 (`feSubLoose`, b up to 3),
//   because 2p or 4p is added to keep every limb non-negative.
// - Operands of a multiplication may have u and v units with u * v <= 20: a column sums at most
//   (1 + 19 * (4 + 5 / 2)) * u * v * 2^52 < 124.5 * u * v * 2^52 * (1 + 2^-7) < 2^63.4, and a carry adds below 2^43.

const LIMBS = 10
const bits = (i: number): number => (i % 2 === 0 ? 26 : 25)
const mask = (i: number): string => `0x${((1 << bits(i)) - 1).toString(16)}`
/** Weight of a limb, as a power of two. */
const weight = (i: number): number => Math.ceil(25.5 * i)
const indexes = [...Array(LIMBS).keys()]
const words = [...Array(LIMBS / 2).keys()]

const P = 2n ** 255n - 19n

/** The whole of `generated/field`. */
export function generateField(): string {
  return [
    product('feMul', false),
    product('feSquare', true),
    squareTimes(),
    carry(),
    additive(),
    fromBytes(),
    toBytes(),
    ...Object.entries(constants()).map(([name, value]) => `export const ${name}: usize = ${data(value)};\n`),
  ].join('\n')
}

function loads(name: string, pointer: string, keyword = 'const'): string[] {
  return indexes.map((i) => `  ${keyword} ${name}${i} = <u64>load<u32>(${pointer}, ${4 * i});`)
}

function stores(pointer: string): string[] {
  return words.map((i) => `  store<u64>(${pointer}, h${2 * i} | (h${2 * i + 1} << 32), ${8 * i});`)
}

/**
 * The columns of f * g with what overflows 2^255 folded back. Two odd limbs have weights that add up to one bit more
 * than their column's, hence a factor of two; a wrapped term has one of 19. Products are added up by their factor, which
 * is then applied once: so nothing but the limbs stays in registers.
 */
function columns(square: boolean): string[] {
  return indexes.map((k) => {
    const plain = weighted(k, square, false)
    const wrapped = weighted(k, square, true)
    return `  let h${k} = ${[plain, ...(wrapped === '' ? [] : [`(${wrapped}) * 19`])].join(' + ')};`
  })
}

/** The terms of column k that wrap, or those that do not. */
function weighted(k: number, square: boolean, wraps: boolean): string {
  const terms = new Map<number, string[]>([1, 2, 4].map((factor) => [factor, []]))
  for (const i of indexes) {
    const j = (k - i + LIMBS) % LIMBS
    if ((square && i > j) || (i + j !== k) !== wraps) continue
    const factor = (i % 2 === 1 && j % 2 === 1 ? 2 : 1) * (square && i < j ? 2 : 1)
    terms.get(factor)?.push(`f${i} * ${square ? 'f' : 'g'}${j}`)
  }
  return [4, 2, 1].reduce((text, factor) => {
    const sum = [...(text === '' ? [] : [`((${text}) << 1)`]), ...(terms.get(factor) ?? [])]
    return sum.join(' + ')
  }, '')
}

/** Two interleaved chains, so that the steps of one fill the latency of the other. */
function carries(): string[] {
  return ['  let c: u64;', ...[0, 4, 1, 5, 2, 6, 3, 7, 4, 8, 9, 0].map(carryStep)]
}

function carryStep(i: number): string {
  const next = i === LIMBS - 1 ? 'h0 += c * 19' : `h${i + 1} += c`
  return `  c = h${i} >> ${bits(i)}; ${next}; h${i} &= ${mask(i)};`
}

function product(name: string, square: boolean): string {
  const parameters = square ? 'r: usize, a: usize' : 'r: usize, a: usize, b: usize'
  const body = [
    ...loads('f', 'a'),
    ...(square ? [] : loads('g', 'b')),
    ...columns(square),
    ...carries(),
    ...stores('r'),
  ]
  return `export function ${name}(${parameters}): void {\n${body.join('\n')}\n}\n`
}

/** r = a^(2^n), n >= 1, the limbs kept out of memory in between. */
function squareTimes(): string {
  const next = indexes.map((i) => `  f${i} = h${i};`)
  const out = words.map((i) => `  store<u64>(r, f${2 * i} | (f${2 * i + 1} << 32), ${8 * i});`)
  const loop = ['  do {', ...columns(true), ...carries(), ...next, '  } while (--n > 0);']
  const body = [...loads('f', 'a', 'let'), ...loop, ...out]
  return `export function feSquareTimes(r: usize, a: usize, n: i32): void {\n${body.join('\n')}\n}\n`
}

function carry(): string {
  const body = [...loads('h', 'a', 'let'), ...carries(), ...stores('r')]
  return `export function feCarry(r: usize, a: usize): void {\n${body.join('\n')}\n}\n`
}

/** Two limbs at a time: no limb overflows 32 bits or goes below zero, so none touches its neighbour. */
function additive(): string {
  const at = (pointer: string, i: number): string => `load<u64>(${pointer}, ${8 * i})`
  const define = (name: string, parameters: string, word: (i: number) => string): string =>
    [
      `// @ts-ignore: decorator\n@inline\nexport function ${name}(${parameters}): void {`,
      ...words.map((i) => `  store<u64>(r, ${word(i)}, ${8 * i});`),
      '}\n',
    ].join('\n')
  const three = 'r: usize, a: usize, b: usize'
  return [
    define('feAdd', three, (i) => `${at('a', i)} + ${at('b', i)}`),
    define('feSub', three, (i) => `${at('a', i)} + ${multipleOfP(2, i)} - ${at('b', i)}`),
    define('feSubLoose', three, (i) => `${at('a', i)} + ${multipleOfP(4, i)} - ${at('b', i)}`),
    define('feNegate', 'r: usize, a: usize', (i) => `${multipleOfP(2, i)} - ${at('a', i)}`),
    define('feCopy', 'r: usize, a: usize', (i) => at('a', i)),
  ].join('\n')
}

/** Word i of `times` * p with every limb at its largest, i.e. `times` times the limbs of p. */
function multipleOfP(times: number, i: number): string {
  const limb = (k: number): bigint => BigInt(times) * (2n ** BigInt(bits(k)) - (k === 0 ? 19n : 1n))
  return `<u64>0x${(limb(2 * i) | (limb(2 * i + 1) << 32n)).toString(16)}`
}

/** 32 bytes, little-endian; the top bit is left out. Values from p upwards are taken as they are. */
function fromBytes(): string {
  const body = indexes.map((i) => {
    const byte = Math.min(weight(i) >> 3, 24)
    return `  const h${i} = (load<u64>(s, ${byte}) >> ${weight(i) - 8 * byte}) & ${mask(i)};`
  })
  return `export function feFromBytes(r: usize, s: usize): void {\n${[...body, ...stores('r')].join('\n')}\n}\n`
}

/**
 * The one representative below p, for up to 16 units. After two passes of carries the value is below 2^255 < 2p, so the
 * quotient q by p is 0 or 1: the carry out of the top of value + 19.
 */
function toBytes(): string {
  const pass = indexes.map(carryStep)
  const quotient = indexes.map((i) => `  c = (h${i} + c) >> ${bits(i)};`)
  const chain = indexes.slice(0, -1).map((i) => `  h${i + 1} += h${i} >> ${bits(i)}; h${i} &= ${mask(i)};`)
  const pack = (word: number): string =>
    indexes
      .filter((i) => weight(i) < 64 * (word + 1) && weight(i) + bits(i) > 64 * word)
      .map((i) =>
        weight(i) >= 64 * word ? `(h${i} << ${weight(i) - 64 * word})` : `(h${i} >> ${64 * word - weight(i)})`,
      )
      .join(' | ')
  const body = [
    ...loads('h', 'a', 'let'),
    '  let c: u64;',
    ...pass,
    ...pass,
    '  c = 19;',
    ...quotient,
    '  h0 += 19 * c;',
    ...chain,
    `  h9 &= ${mask(9)};`,
    ...[0, 1, 2, 3].map((word) => `  store<u64>(s, ${pack(word)}, ${8 * word});`),
  ]
  return `export function feToBytes(s: usize, a: usize): void {\n${body.join('\n')}\n}\n`
}

/** Little-endian words of the limbs of a constant. */
function data(value: bigint): string {
  const limb = (i: number): bigint => (value >> BigInt(weight(i))) & ((1n << BigInt(bits(i))) - 1n)
  return `memory.data<u64>([${words.map((i) => `0x${(limb(2 * i) | (limb(2 * i + 1) << 32n)).toString(16)}`).join(', ')}])`
}

/** Constants of the curve -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032, 5.1). */
function constants(): Record<string, bigint> {
  const d = modulo(-121665n * inverse(121666n))
  const rootOfMinusOne = power(2n, (P - 1n) / 4n)
  const baseY = modulo(4n * inverse(5n))
  return {
    FE_ONE: 1n,
    FE_D: d,
    FE_2D: modulo(2n * d),
    FE_INVERSE_D: inverse(d),
    FE_MINUS_INVERSE_D: modulo(-inverse(d)),
    FE_ROOT_OF_MINUS_ONE: rootOfMinusOne,
    FE_BASE_Y: baseY,
  }
}

function modulo(value: bigint): bigint {
  return ((value % P) + P) % P
}

function inverse(value: bigint): bigint {
  return power(modulo(value), P - 2n)
}

function power(base: bigint, exponent: bigint): bigint {
  let result = 1n
  for (let square = base, rest = exponent; rest > 0n; square = (square * square) % P, rest >>= 1n)
    if (rest % 2n === 1n) result = (result * square) % P
  return result
}
