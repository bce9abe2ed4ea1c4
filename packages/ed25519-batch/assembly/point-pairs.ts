// Points of edwards25519 on pairs of field elements: what `point.ts` is, with the same names, for engines with relaxed
// SIMD. The two builds of the kernel differ in this file alone. Formulas as there; sizes and bounds:
// tools/generate-pairs.ts.
//
// Forms, in memory, each two pairs:
//   extended          (X | Y) and (T | Z)              x = X/Z, y = Y/Z, xy = T/Z
//   affine, cached    (Y-X | Y+X) and (2dT | 2Z)       what is added often; Z = 1 if affine
import {
  PAIR_2D,
  PAIR_2D_AND_2,
  PAIR_D,
  PAIR_ONE,
  PAIR_ROOT_OF_MINUS_ONE,
  pairAdd,
  pairAddPoint,
  pairCopyPoint,
  pairMul,
  pairReduce,
  pairSquareTimes,
  pairSub,
} from './generated/pairs';

const PAIR: usize = 80;
const LANE: usize = 8;

export const EXTENDED: usize = 160;
export const AFFINE: usize = 160;
export const CACHED: usize = 160;

const A: usize = memory.data(80, 16);
const B: usize = memory.data(80, 16);
const C: usize = memory.data(80, 16);
const D: usize = memory.data(80, 16);
const U: usize = memory.data(80, 16);
const V: usize = memory.data(80, 16);
const X: usize = memory.data(80, 16);
const Y: usize = memory.data(80, 16);
const S0: usize = memory.data(80, 16);
const S1: usize = memory.data(80, 16);
const S2: usize = memory.data(80, 16);
const S3: usize = memory.data(80, 16);
const BYTES: usize = memory.data(32, 16);
const SUM: usize = memory.data(160, 16);
const SUMMAND: usize = memory.data(160, 16);

/**
 * Whether the engine computes what this build relies on, which is that it fuses multiply-adds: the square of 2^27 + 1 has
 * 55 bits, of which one that rounds in between loses the last. `one` is 1, from the host, so that the compiler does not
 * answer in the engine's place.
 */
export function isExact(one: f64): bool {
  const a = f64x2.splat(134217729.0 * one);
  const rest = f64x2.relaxed_madd(a, a, f64x2.splat(-18014398777917440.0));
  return f64x2.extract_lane(rest, 0) == 1.0 && f64x2.extract_lane(rest, 1) == 1.0;
}

export function setIdentity(r: usize): void {
  memory.fill(r, 0, EXTENDED);
  store<f64>(r, 1.0, 8);
  store<f64>(r, 1.0, 88);
}

/** Nothing: here every result comes with its T, which costs no product of its own. */
// @ts-ignore: decorator
@inline
export function completeT(r: usize): void {}

/** r = r + q, q affine. */
// @ts-ignore: decorator
@inline
export function addAffine(r: usize, q: usize): void {
  pairAddPoint(r, q, 0);
}

/** r = r - q, q affine. */
// @ts-ignore: decorator
@inline
export function subtractAffine(r: usize, q: usize): void {
  pairAddPoint(r, q, -1);
}

/** r = r + q, q cached. */
// @ts-ignore: decorator
@inline
export function addCached(r: usize, q: usize): void {
  pairAddPoint(r, q, 0);
}

/** r = r - q, q cached. */
// @ts-ignore: decorator
@inline
export function subtractCached(r: usize, q: usize): void {
  pairAddPoint(r, q, -1);
}

/** r = r + q, both extended. */
export function add(r: usize, q: usize): void {
  toCached(SUMMAND, q);
  pairAddPoint(r, SUMMAND, 0);
}

/** r = r - q, both extended. */
export function subtract(r: usize, q: usize): void {
  toCached(SUMMAND, q);
  pairAddPoint(r, SUMMAND, -1);
}

/** r = r + q or, if `negative` is -1 and not 0, r - q; q affine. No branch, as the signs of digits cannot be predicted. */
// @ts-ignore: decorator
@inline
export function addSigned(r: usize, q: usize, negative: i64): void {
  pairAddPoint(r, q, negative);
}

/** r = 2 r. E = 2XY, G = Y^2 - X^2, F = G - 2Z^2, H = -(X^2 + Y^2). */
export function double(r: usize): void {
  pairSquareTimes(A, r, 1); // (X^2 | Y^2)
  for (let i: usize = 0; i < PAIR; i += 16) {
    const xy = v128.load(r + i);
    const tz = v128.load(r + i, PAIR);
    v128.store(B + i, v128.shuffle<i64>(xy, tz, 0, 3));
    v128.store(C + i, v128.shuffle<i64>(xy, tz, 1, 3));
  }
  pairMul(B, B, C); // (XY | Z^2)
  for (let i: usize = 0; i < PAIR; i += 16) {
    const squares = v128.load(A + i);
    const products = v128.load(B + i);
    const swapped = v128.shuffle<i64>(squares, squares, 1, 0);
    const sum = f64x2.add(squares, swapped);
    const difference = f64x2.sub(squares, swapped); // (-G | G)
    const twice = f64x2.add(products, products); // (2XY | 2Z^2)
    v128.store(C + i, v128.shuffle<i64>(twice, difference, 0, 3)); // (E | G)
    const f = f64x2.sub(difference, twice); // (. | F)
    v128.store(D + i, v128.shuffle<i64>(f, f64x2.neg(sum), 1, 3)); // (F | H)
  }
  pairReduce(C, C);
  pairReduce(D, D);
  pairMul(r, C, D); // (EF | GH)
  for (let i: usize = 0; i < PAIR; i += 16) {
    const eg = v128.load(C + i);
    const fh = v128.load(D + i);
    v128.store(A + i, v128.shuffle<i64>(eg, fh, 0, 2)); // (E | F)
    v128.store(B + i, v128.shuffle<i64>(fh, eg, 1, 3)); // (H | G)
  }
  pairMul(r + PAIR, A, B); // (EH | FG)
}

/** q = p; q may not be p. */
export function toCached(q: usize, p: usize): void {
  const sign: v128 = i64x2(i64.MIN_VALUE, 0);
  for (let i: usize = 0; i < PAIR; i += 16) {
    const xy = v128.load(p + i);
    v128.store(q + i, f64x2.add(v128.shuffle<i64>(xy, xy, 1, 0), v128.xor(xy, sign)));
  }
  pairReduce(q, q);
  pairMul(q + PAIR, p + PAIR, PAIR_2D_AND_2);
}

/** p = q, or -q; q affine. */
// @ts-ignore: decorator
@inline
export function fromAffine(p: usize, q: usize, negative: bool): void {
  pairCopyPoint(p, q, negative ? -1 : 0);
}

/** q = p, affine. */
export function toAffine(q: usize, p: usize): void {
  toXY(p);
  laneSwap(A, X);
  pairMul(B, X, A); // (xy | xy)
  affineOf(q, X, X + LANE, B);
}

/** n points made affine, one by one: it happens once, for the base point's tables. */
export function toAffineAll(q: usize, p: usize, n: i32, room: usize): void {
  for (let i: usize = 0; i < <usize>n; i++) toAffine(q + i * AFFINE, p + i * EXTENDED);
}

/** X = (x | y) of an extended point. */
function toXY(p: usize): void {
  for (let i: usize = 0; i < PAIR; i += 16) v128.store(A + i, v128.load64_splat(p + i, 88));
  invert(A, A);
  pairMul(X, p, A);
}

/** q from one lane each of x and y, and of x y; x tight, y below 2^51. */
function affineOf(q: usize, x: usize, y: usize, xy: usize): void {
  for (let i: usize = 0; i < PAIR; i += 16) {
    const a = load<f64>(x + i);
    const b = load<f64>(y + i);
    store<f64>(q + i, b - a);
    store<f64>(q + i, b + a, LANE);
    store<f64>(q + i, load<f64>(xy + i), PAIR);
    store<f64>(q + i, 0.0, PAIR + LANE);
  }
  store<f64>(q, 1.0, PAIR + LANE);
  pairReduce(q, q);
  pairMul(q + PAIR, q + PAIR, PAIR_2D_AND_2);
}

/** q = the point that the 32 bytes encode, affine, as ZIP215 reads them; false if there is none. */
export function decompress(q: usize, encoding: usize): bool {
  return (decompressTwo(q, encoding, q, encoding) & 1) != 0;
}

/** The same for two encodings at the cost of one; bits 0 and 1 of the result say which are points. */
export function decompressTwo(q0: usize, encoding0: usize, q1: usize, encoding1: usize): i32 {
  fromBytes(Y, encoding0);
  fromBytes(Y + LANE, encoding1);
  pairSquareTimes(U, Y, 1);
  pairMul(V, U, PAIR_D);
  pairSub(U, U, PAIR_ONE); // u = y^2 - 1
  pairAdd(V, V, PAIR_ONE); // v = d y^2 + 1
  pairSquareTimes(C, V, 1);
  pairMul(C, C, V); // v^3
  pairSquareTimes(D, C, 1);
  pairMul(D, D, V); // v^7
  pairMul(D, D, U); // u v^7
  powerForRoot(D, D);
  pairMul(D, D, C);
  pairMul(X, D, U); // x = u v^3 (u v^7)^((p - 5) / 8)
  pairSquareTimes(C, X, 1);
  pairMul(C, C, V); // v x^2, which is u, -u or neither
  pairSub(A, C, U);
  pairAdd(B, C, U);
  pairMul(D, X, PAIR_ROOT_OF_MINUS_ONE);
  const good0 = chooseRoot(0, encoding0);
  const good1 = chooseRoot(LANE, encoding1);
  pairMul(C, X, Y);
  affineOf(q0, X, Y, C);
  affineOf(q1, X + LANE, Y + LANE, C + LANE);
  return <i32>good0 | (<i32>good1 << 1);
}

/** In one lane, the root of the two that has the encoding's sign; false if there is none. */
function chooseRoot(lane: usize, encoding: usize): bool {
  if (!laneIsZero(A + lane)) {
    if (!laneIsZero(B + lane)) return false;
    for (let i: usize = 0; i < PAIR; i += 16) store<f64>(X + lane + i, load<f64>(D + lane + i));
  }
  if (laneIsOdd(X + lane) != (load<u8>(encoding, 31) >> 7 != 0))
    for (let i: usize = 0; i < PAIR; i += 16) store<f64>(X + lane + i, -load<f64>(X + lane + i));
  return true;
}

/** The canonical 32 bytes of an extended point. */
export function compress(encoding: usize, p: usize): void {
  toXY(p);
  toBytes(encoding, X + LANE);
  if (laneIsOdd(X)) store<u8>(encoding, load<u8>(encoding, 31) | 0x80, 31);
}

export function isIdentity(p: usize): bool {
  if (!laneIsZero(p)) return false;
  pairSub(A, p, p + PAIR); // (. | Y - Z)
  return laneIsZero(A + LANE);
}

/** Whether 8 p is the neutral element: what a cofactored equation asks of its difference. */
export function isSmallOrder(p: usize): bool {
  memory.copy(SUM, p, EXTENDED);
  double(SUM);
  double(SUM);
  double(SUM);
  return isIdentity(SUM);
}

/** r = 2^n r, n >= 1. */
export function doubleTimes(r: usize, n: i32): void {
  for (let i = 0; i < n; i++) double(r);
}

function laneSwap(r: usize, a: usize): void {
  for (let i: usize = 0; i < PAIR; i += 16) {
    const pair = v128.load(a + i);
    v128.store(r + i, v128.shuffle<i64>(pair, pair, 1, 0));
  }
}

/** S0 = z^(2^250 - 1) and S3 = z^11: what the two exponents below have in common. */
function powerOfOnes(z: usize): void {
  pairSquareTimes(S0, z, 1);
  pairSquareTimes(S1, S0, 2);
  pairMul(S1, S1, z); // 9
  pairMul(S3, S1, S0); // 11
  pairSquareTimes(S0, S3, 1); // 22
  pairMul(S0, S0, S1); // 31 = 2^5 - 1
  pairSquareTimes(S1, S0, 5);
  pairMul(S0, S1, S0); // 2^10 - 1
  pairSquareTimes(S1, S0, 10);
  pairMul(S1, S1, S0); // 2^20 - 1
  pairSquareTimes(S2, S1, 20);
  pairMul(S1, S2, S1); // 2^40 - 1
  pairSquareTimes(S1, S1, 10);
  pairMul(S0, S1, S0); // 2^50 - 1
  pairSquareTimes(S1, S0, 50);
  pairMul(S1, S1, S0); // 2^100 - 1
  pairSquareTimes(S2, S1, 100);
  pairMul(S1, S2, S1); // 2^200 - 1
  pairSquareTimes(S1, S1, 50);
  pairMul(S0, S1, S0); // 2^250 - 1
}

/** r = z^((p - 5) / 8), of which square roots are made (RFC 8032, 5.1.3). r may be z. */
function powerForRoot(r: usize, z: usize): void {
  powerOfOnes(z);
  pairSquareTimes(S0, S0, 2);
  pairMul(r, S0, z); // 2^252 - 3
}

/** r = 1 / z, and 0 for 0. r may be z. */
function invert(r: usize, z: usize): void {
  powerOfOnes(z);
  pairSquareTimes(S0, S0, 5);
  pairMul(r, S0, S3); // 2^255 - 21 = p - 2
}

const MASK: i64 = (1 << 51) - 1;

/** One lane from 32 bytes, little-endian; the top bit is left out. Values from p upwards are taken as they are. */
function fromBytes(lane: usize, bytes: usize): void {
  const a = load<u64>(bytes);
  const b = load<u64>(bytes, 8);
  const c = load<u64>(bytes, 16);
  const d = load<u64>(bytes, 24);
  store<f64>(lane, <f64>(<i64>a & MASK));
  store<f64>(lane, <f64>(<i64>((a >> 51) | (b << 13)) & MASK), 16);
  store<f64>(lane, <f64>(<i64>((b >> 38) | (c << 26)) & MASK), 32);
  store<f64>(lane, <f64>(<i64>((c >> 25) | (d << 39)) & MASK), 48);
  store<f64>(lane, <f64>(<i64>(d >> 12) & MASK), 64);
}

let h0: i64 = 0;
let h1: i64 = 0;
let h2: i64 = 0;
let h3: i64 = 0;
let h4: i64 = 0;

/**
 * The one representative of a lane below p, for limbs up to 2^53 in magnitude. The first pass of carries leaves a value
 * within 100 of [0, 2^255), the second one in it with a first limb out of place at most, the third limbs in [0, 2^51). The
 * quotient by p is then 0 or 1: the carry out of value + 19.
 */
function toBytes(bytes: usize, lane: usize): void {
  h0 = <i64>load<f64>(lane);
  h1 = <i64>load<f64>(lane, 16);
  h2 = <i64>load<f64>(lane, 32);
  h3 = <i64>load<f64>(lane, 48);
  h4 = <i64>load<f64>(lane, 64);
  carryAround();
  carryAround();
  carryAround();
  let q = (h0 + 19) >> 51;
  q = (h1 + q) >> 51;
  q = (h2 + q) >> 51;
  q = (h3 + q) >> 51;
  q = (h4 + q) >> 51;
  h0 += 19 * q;
  carryUp();
  store<i64>(bytes, h0 | (h1 << 51));
  store<i64>(bytes, (h1 >> 13) | (h2 << 38), 8);
  store<i64>(bytes, (h2 >> 26) | (h3 << 25), 16);
  store<i64>(bytes, (h3 >> 39) | (h4 << 12), 24);
}

/** Brings every limb to [0, 2^51) but the first, which takes what overflows the last. */
// @ts-ignore: decorator
@inline
function carryAround(): void {
  const over = carryUp();
  h0 += 19 * over;
}

/** Brings every limb to [0, 2^51) and gives what overflows the last. */
// @ts-ignore: decorator
@inline
function carryUp(): i64 {
  h1 += h0 >> 51;
  h0 &= MASK;
  h2 += h1 >> 51;
  h1 &= MASK;
  h3 += h2 >> 51;
  h2 &= MASK;
  h4 += h3 >> 51;
  h3 &= MASK;
  const over = h4 >> 51;
  h4 &= MASK;
  return over;
}

function laneIsZero(lane: usize): bool {
  toBytes(BYTES, lane);
  return (load<u64>(BYTES) | load<u64>(BYTES, 8) | load<u64>(BYTES, 16) | load<u64>(BYTES, 24)) == 0;
}

/** The sign of RFC 8032: whether the representative below p is odd. */
function laneIsOdd(lane: usize): bool {
  toBytes(BYTES, lane);
  return (load<u8>(BYTES) & 1) != 0;
}
