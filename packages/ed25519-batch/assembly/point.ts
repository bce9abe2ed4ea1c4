// Points of edwards25519. Formulas: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited" (2008), the
// unified ones, which hold for every pair of points of the curve, those of small order included: adversaries choose
// the inputs, so no formula with exceptions is used.
//
// Forms, in memory:
//   extended  X, Y, Z, T          x = X/Z, y = Y/Z, xy = T/Z
//   affine    y+x, y-x, 2dxy      what is added often
//   cached    Y+X, Y-X, 2Z, 2dT   what is added often but is not worth an inversion of Z
// Extended and affine coordinates have 1 unit (see tools/generate-field.ts). Numbers in brackets are units.
import {
  FE,
  FE_2D,
  FE_D,
  FE_INVERSE_D,
  FE_MINUS_INVERSE_D,
  FE_ONE,
  FE_ROOT_OF_MINUS_ONE,
  feAdd,
  feCarry,
  feCopy,
  feFromBytes,
  feInvert,
  feIsOdd,
  feIsZero,
  feMinus,
  feMul,
  fePowerForRoot,
  feSquare,
  feSub,
  feSubLoose,
  feToBytes,
} from './field';

export const EXTENDED: usize = 4 * FE;
export const AFFINE: usize = 3 * FE;
export const CACHED: usize = 4 * FE;

const Y: usize = FE;
const Z: usize = 2 * FE;
const T: usize = 3 * FE;

const A: usize = memory.data(40, 16);
const B: usize = memory.data(40, 16);
const C: usize = memory.data(40, 16);
const D: usize = memory.data(40, 16);
const E: usize = memory.data(40, 16);
const F: usize = memory.data(40, 16);
const G: usize = memory.data(40, 16);
const H: usize = memory.data(40, 16);
const U: usize = memory.data(40, 16);
const V: usize = memory.data(40, 16);
const W: usize = memory.data(40, 16);
const SUM: usize = memory.data(160, 16);

export function setIdentity(r: usize): void {
  memory.fill(r, 0, EXTENDED);
  feCopy(r + Y, FE_ONE);
  feCopy(r + Z, FE_ONE);
}

/** From E, F, G, H of a formula below; T is left to `completeT`, because a doubling needs none. */
// @ts-ignore: decorator
@inline
function completeXYZ(r: usize): void {
  feMul(r, E, F);
  feMul(r + Y, G, H);
  feMul(r + Z, F, G);
}

/** The T of the last result, if it came without. */
// @ts-ignore: decorator
@inline
export function completeT(r: usize): void {
  feMul(r + T, E, H);
}

/** r = r + q, q affine; r comes without T. */
export function addAffine(r: usize, q: usize): void {
  feSub(A, r + Y, r); // [3]
  feAdd(B, r + Y, r); // [2]
  feMul(A, A, q + FE);
  feMul(B, B, q);
  feMul(C, r + T, q + 2 * FE);
  feAdd(D, r + Z, r + Z); // [2]
  feSub(E, B, A); // [3]
  feAdd(H, B, A); // [2]
  feSub(F, D, C); // [4]
  feAdd(G, D, C); // [3]
  completeXYZ(r);
}

/** r = r - q, q affine; r comes without T. */
export function subtractAffine(r: usize, q: usize): void {
  feSub(A, r + Y, r);
  feAdd(B, r + Y, r);
  feMul(A, A, q);
  feMul(B, B, q + FE);
  feMul(C, r + T, q + 2 * FE);
  feAdd(D, r + Z, r + Z);
  feSub(E, B, A);
  feAdd(H, B, A);
  feAdd(F, D, C);
  feSub(G, D, C);
  completeXYZ(r);
}

/** r = r + q or, if `negative` is -1 and not 0, r - q; q affine; r comes without T. */
// @ts-ignore: decorator
@inline
export function addSigned(r: usize, q: usize, negative: i64): void {
  if (negative == 0) addAffine(r, q);
  else subtractAffine(r, q);
}

/** r = r + q, q cached; r comes without T. */
export function addCached(r: usize, q: usize): void {
  feSub(A, r + Y, r); // [3]
  feAdd(B, r + Y, r); // [2]
  feMul(A, A, q + FE); // [3 * 3]
  feMul(B, B, q); // [2 * 2]
  feMul(C, r + T, q + 3 * FE);
  feMul(D, r + Z, q + 2 * FE); // [1 * 2]
  feSub(E, B, A); // [3]
  feAdd(H, B, A); // [2]
  feSub(F, D, C); // [3]
  feAdd(G, D, C); // [2]
  completeXYZ(r);
}

/** r = r - q, q cached; r comes without T. */
export function subtractCached(r: usize, q: usize): void {
  feSub(A, r + Y, r);
  feAdd(B, r + Y, r);
  feMul(A, A, q);
  feMul(B, B, q + FE);
  feMul(C, r + T, q + 3 * FE);
  feMul(D, r + Z, q + 2 * FE);
  feSub(E, B, A);
  feAdd(H, B, A);
  feAdd(F, D, C);
  feSub(G, D, C);
  completeXYZ(r);
}

const SUMMAND: usize = memory.data(160, 16);

/** r = r + q, both extended. */
export function add(r: usize, q: usize): void {
  toCached(SUMMAND, q);
  addCached(r, SUMMAND);
  completeT(r);
}

/** r = r - q, both extended. */
export function subtract(r: usize, q: usize): void {
  toCached(SUMMAND, q);
  subtractCached(r, SUMMAND);
  completeT(r);
}

/** r = 2 r; needs no T and gives none. */
export function double(r: usize): void {
  feAdd(E, r, r + Y); // [2]
  feSquare(A, r);
  feSquare(B, r + Y);
  feSquare(C, r + Z);
  feSquare(E, E); // [2 * 2]
  feAdd(C, C, C); // [2]
  feAdd(H, A, B); // [2]
  feSub(E, H, E); // [4]
  feSub(G, A, B); // [3]
  feAdd(F, C, G); // [5]
  completeXYZ(r); // At most [4 * 5].
}

/** q = p; q may not be p. */
export function toCached(q: usize, p: usize): void {
  feAdd(q, p + Y, p); // [2]
  feSub(q + FE, p + Y, p); // [3]
  feAdd(q + 2 * FE, p + Z, p + Z); // [2]
  feMul(q + 3 * FE, p + T, FE_2D);
}

/** p = q, or -q; q affine, p extended with Z = 2, which spares the halvings of x and y. */
export function fromAffine(p: usize, q: usize, negative: bool): void {
  const plus = negative ? q + FE : q;
  const minus = negative ? q : q + FE;
  feSub(p, plus, minus); // 2x [3]
  feCarry(p, p);
  feAdd(p + Y, plus, minus); // 2y [2]
  feCarry(p + Y, p + Y);
  feAdd(p + Z, FE_ONE, FE_ONE);
  feMul(p + T, q + 2 * FE, negative ? FE_MINUS_INVERSE_D : FE_INVERSE_D); // 2xy
}

/** q = p, affine, given 1/Z of p. */
function toAffineBy(q: usize, p: usize, inverseOfZ: usize): void {
  feMul(U, p, inverseOfZ);
  feMul(V, p + Y, inverseOfZ);
  affineOf(q, U, V);
}

const INVERSE: usize = memory.data(40, 16);
const INVERSE_OF_Z: usize = memory.data(40, 16);

/** n points made affine by a single inversion (Montgomery's trick); `room` for n extended points. */
export function toAffineAll(q: usize, p: usize, n: i32, room: usize): void {
  const last = <usize>(n - 1);
  feCopy(room, p + Z);
  for (let i: usize = 1; i <= last; i++) feMul(room + i * FE, room + (i - 1) * FE, p + i * EXTENDED + Z);
  feInvert(INVERSE, room + last * FE);
  for (let i = last; i > 0; i--) {
    feMul(INVERSE_OF_Z, INVERSE, room + (i - 1) * FE);
    feMul(INVERSE, INVERSE, p + i * EXTENDED + Z);
    toAffineBy(q + i * AFFINE, p + i * EXTENDED, INVERSE_OF_Z);
  }
  toAffineBy(q, p, INVERSE);
}

/** q = p, affine. */
export function toAffine(q: usize, p: usize): void {
  feInvert(W, p + Z);
  toAffineBy(q, p, W);
}

function affineOf(q: usize, x: usize, y: usize): void {
  feMul(q + 2 * FE, x, y);
  feMul(q + 2 * FE, q + 2 * FE, FE_2D);
  feSub(C, y, x);
  feAdd(D, y, x);
  feCarry(q + FE, C);
  feCarry(q, D);
}

/**
 * q = the point that the 32 bytes encode, affine, as ZIP215 reads them: the top bit is the sign of x, the rest is y, be
 * it below p or not; x = 0 with the sign set is taken.
 * @returns Whether there is such a point.
 */
export function decompress(q: usize, encoding: usize): bool {
  feFromBytes(V, encoding);
  feSquare(A, V);
  feMul(B, A, FE_D);
  feSub(A, A, FE_ONE); // u = y^2 - 1 [3]
  feAdd(B, B, FE_ONE); // v = d y^2 + 1 [2]
  feSquare(C, B);
  feMul(C, C, B); // v^3
  feSquare(D, C);
  feMul(D, D, B); // v^7
  feMul(D, D, A); // u v^7
  fePowerForRoot(D, D);
  feMul(D, D, C);
  feMul(U, D, A); // x = u v^3 (u v^7)^((p - 5) / 8)
  feSquare(C, U);
  feMul(C, C, B); // v x^2, which is u, -u or neither
  feSubLoose(D, C, A); // [5]
  if (!feIsZero(D)) {
    feAdd(D, C, A); // [4]
    if (!feIsZero(D)) return false;
    feMul(U, U, FE_ROOT_OF_MINUS_ONE);
  }
  if (feIsOdd(U) != (load<u8>(encoding, 31) >> 7 != 0)) feMinus(U, U);
  affineOf(q, U, V);
  return true;
}

/** The same for two encodings; bits 0 and 1 of the result say which are points. */
export function decompressTwo(q0: usize, encoding0: usize, q1: usize, encoding1: usize): i32 {
  return <i32>decompress(q0, encoding0) | (<i32>decompress(q1, encoding1) << 1);
}

/** Whether the engine computes what this build relies on. `one` is 1. */
export function isExact(one: f64): bool {
  return one == 1.0;
}

/** The canonical 32 bytes of an extended point. */
export function compress(encoding: usize, p: usize): void {
  feInvert(W, p + Z);
  feMul(U, p, W);
  feMul(V, p + Y, W);
  feToBytes(encoding, V);
  if (feIsOdd(U)) store<u8>(encoding, load<u8>(encoding, 31) | 0x80, 31);
}

export function isIdentity(p: usize): bool {
  if (!feIsZero(p)) return false;
  feSub(A, p + Y, p + Z);
  return feIsZero(A);
}

/** Whether 8 p is the neutral element: what a cofactored equation asks of its difference. */
export function isSmallOrder(p: usize): bool {
  memory.copy(SUM, p, EXTENDED);
  double(SUM);
  double(SUM);
  double(SUM);
  return isIdentity(SUM);
}

/** r = 2^n r with T, n >= 1. */
export function doubleTimes(r: usize, n: i32): void {
  for (let i = 0; i < n; i++) double(r);
  completeT(r);
}
