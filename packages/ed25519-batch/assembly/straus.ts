// Sums of a few multiples, s_0 P_0 + s_1 P_1 + ..., by one chain of doublings for all (Straus), the scalars in
// non-adjacent form: windows of odd digits between zeros. A scalar is an integer below 2^256, not reduced, so that the
// result is exact also for points outside the prime-order subgroup.
import {
  AFFINE,
  CACHED,
  EXTENDED,
  add,
  addAffine,
  addCached,
  completeT,
  decompress,
  double,
  doubleTimes,
  fromAffine,
  setIdentity,
  subtractAffine,
  subtractCached,
  toAffineAll,
  toCached,
} from './point';

/** A term: its table, whether that is one of affine points, and 257 digits. */
const TERM: usize = 272;
const DIGITS: usize = 8;
const DIGIT_COUNT: i32 = 257;

/** Window of points whose table is made for one sum: odd multiples 1 to 15. */
const WINDOW: i32 = 5;
const TABLE_POINTS: i32 = 8;
export const TABLE: usize = 8 * 160;

/** Window of the base point: odd multiples 1 to 127. */
const BASE_WINDOW: i32 = 8;
const BASE_POINTS: i32 = 64;
const BASE_TABLE: usize = memory.data(64 * 160, 16);
const BASE_HIGH_TABLE: usize = memory.data(64 * 160, 16);
/** y = 4/5, x even: RFC 8032, 5.1. */
const BASE_ENCODING: usize = memory.data<u64>([
  0x6666666666666658, 0x6666666666666666, 0x6666666666666666, 0x6666666666666666,
]);

/** Bytes of working memory for a sum of `terms`. */
export function strausBytes(terms: i32): usize {
  return <usize>terms * (TERM + TABLE);
}

/** The multiple 1 of the base point and of 2^128 times it, affine. */
export function basePoint(): usize {
  return BASE_TABLE;
}
export function baseHighPoint(): usize {
  return BASE_HIGH_TABLE;
}

const POINT: usize = memory.data(160, 16);
const TWICE: usize = memory.data(160, 16);

/** Fills the tables of the base point; once, before anything else, with `BASE_BYTES` of memory to work in. */
export function prepareBase(room: usize): void {
  decompress(BASE_TABLE, BASE_ENCODING);
  fromAffine(POINT, BASE_TABLE, false);
  fillBase(BASE_TABLE, room);
  doubleTimes(POINT, 128);
  fillBase(BASE_HIGH_TABLE, room);
}

/** Odd multiples, extended, and what it takes to make them affine. */
export const BASE_BYTES: usize = 64 * 160 + 64 * 160;

/** Odd multiples of POINT, affine. */
function fillBase(table: usize, room: usize): void {
  fillMultiples(room);
  toAffineAll(table, room, BASE_POINTS, room + <usize>BASE_POINTS * EXTENDED);
}

/** POINT, 3 POINT, 5 POINT, ..., extended. */
function fillMultiples(multiples: usize): void {
  memory.copy(TWICE, POINT, EXTENDED);
  doubleTimes(TWICE, 1);
  memory.copy(multiples, POINT, EXTENDED);
  for (let i = 1; i < BASE_POINTS; i++) {
    const multiple = multiples + <usize>i * EXTENDED;
    memory.copy(multiple, multiple - EXTENDED, EXTENDED);
    add(multiple, TWICE);
  }
}

let terms: usize = 0;
let tables: usize = 0;
let count: i32 = 0;
let top: i32 = 0;

/** Starts a sum of at most `most` terms in `memory`, of `strausBytes(most)`. */
export function strausBegin(memory: usize, most: i32): void {
  terms = memory;
  tables = memory + <usize>most * TERM;
  count = 0;
  top = 0;
}

/** Adds the affine point times the 32 bytes at `scalar`. */
export function strausTerm(point: usize, scalar: usize): void {
  const table = tables;
  tables += TABLE;
  fromAffine(POINT, point, false);
  fromAffine(TWICE, point, false);
  doubleTimes(TWICE, 1);
  toCached(table, POINT);
  for (let i = 1; i < TABLE_POINTS; i++) {
    add(POINT, TWICE);
    toCached(table + <usize>i * CACHED, POINT);
  }
  term(table, false, scalar, WINDOW);
}

/** Adds the base point times the 32 bytes at `scalar`. */
export function strausBase(scalar: usize): void {
  term(BASE_TABLE, true, scalar, BASE_WINDOW);
}

/** Adds 2^128 times the base point times the 32 bytes at `scalar`. */
export function strausBaseHigh(scalar: usize): void {
  term(BASE_HIGH_TABLE, true, scalar, BASE_WINDOW);
}

function term(table: usize, affine: bool, scalar: usize, window: i32): void {
  const at = terms + <usize>count * TERM;
  store<u32>(at, <u32>table);
  store<u32>(at, <u32>affine, 4);
  const length = recode(at + DIGITS, scalar, window);
  if (length > top) top = length;
  count++;
}

const WORDS: usize = memory.data(48, 16);

/** Odd digits below 2^(window - 1) in absolute value, any two at least `window` places apart. Gives the places used. */
function recode(digits: usize, scalar: usize, window: i32): i32 {
  memory.copy(WORDS, scalar, 32);
  store<u64>(WORDS, 0, 32);
  memory.fill(digits, 0, DIGIT_COUNT);
  let length = 0;
  let carry: i32 = 0;
  for (let place = 0; place < DIGIT_COUNT; ) {
    const bits = <i32>(load<u64>(WORDS + (<usize>(place >> 5) << 2)) >> (place & 31)) & ((1 << window) - 1);
    if ((bits & 1) == carry) {
      place++;
      continue;
    }
    let digit = bits + carry;
    carry = digit >> (window - 1);
    digit -= carry << window;
    store<i8>(digits + place, <i8>digit);
    place += window;
    length = place;
  }
  return min(length, DIGIT_COUNT);
}

/** r = the sum, extended, with T. */
export function strausSum(r: usize): void {
  setIdentity(r);
  let hasT = true;
  let started = false;
  for (let place = top - 1; place >= 0; place--) {
    if (started) {
      double(r);
      hasT = false;
    }
    for (let i = 0, at = terms; i < count; i++, at += TERM) {
      const digit = <i32>load<i8>(at + place, DIGITS);
      if (digit == 0) continue;
      if (!hasT) completeT(r);
      addDigit(r, at, digit);
      hasT = false;
      started = true;
    }
  }
  if (!hasT) completeT(r);
}

// @ts-ignore: decorator
@inline
function addDigit(r: usize, at: usize, digit: i32): void {
  const table = <usize>load<u32>(at);
  const index = <usize>(abs(digit) >> 1);
  if (load<u32>(at, 4) != 0) {
    if (digit > 0) addAffine(r, table + index * AFFINE);
    else subtractAffine(r, table + index * AFFINE);
  } else if (digit > 0) addCached(r, table + index * CACHED);
  else subtractCached(r, table + index * CACHED);
}
