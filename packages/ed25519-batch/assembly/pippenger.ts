// Sums of many multiples of 128 bits by buckets (Pippenger): in each window of c bits, points with the same digit are
// added up first, and the 2^(c - 1) sums are then weighted by running sums. Digits are signed, which halves the buckets.
import {
  EXTENDED,
  add,
  addSigned,
  completeT,
  doubleTimes,
  fromAffine,
  setIdentity,
} from './point';

/** Bytes from one scalar to the next: 16, and zeros to read past its end. */
export const SHORT: usize = 24;

const WINDOW_MIN: i32 = 3;
const WINDOW_MAX: i32 = 11;

/** Costs in field multiplications: an affine point into its bucket, and a bucket into the running sums. */
const INSERT_COST: i32 = 7;
const BUCKET_COST: i32 = 18;

/** Windows of c bits for 128 bits and the carry of signed digits. */
function windowsOf(c: i32): i32 {
  return 128 / c + 1;
}

/** The window size with the lowest cost for n points. */
function windowFor(n: i32): i32 {
  let best = WINDOW_MIN;
  let lowest = i32.MAX_VALUE;
  for (let c = WINDOW_MIN; c <= WINDOW_MAX; c++) {
    const cost = windowsOf(c) * (INSERT_COST * n + (BUCKET_COST << (c - 1)));
    if (cost < lowest) {
      lowest = cost;
      best = c;
    }
  }
  return best;
}

/** Bytes of working memory for n points. */
export function pippengerBytes(n: i32): usize {
  const digits = <usize>windowsOf(WINDOW_MIN) * <usize>n * 2 + 16;
  return digits + (1 << (WINDOW_MAX - 1)) * (EXTENDED + 1);
}

const RUNNING: usize = memory.data(160, 16);
const WINDOW_SUM: usize = memory.data(160, 16);

/**
 * r = sum of scalar_i * point_i, extended with T: `points` holds n addresses of affine points, `scalars` n of 128 bits,
 * `SHORT` apart; n >= 1.
 */
export function pippenger(r: usize, points: usize, scalars: usize, n: i32, memory: usize): void {
  const c = windowFor(n);
  const windows = windowsOf(c);
  const buckets = (memory + <usize>windows * <usize>n * 2 + 15) & ~15;
  const filled = buckets + (EXTENDED << (c - 1));
  for (let i = 0; i < n; i++) recode(memory + (<usize>i << 1), scalars + <usize>i * SHORT, c, windows, n);
  setIdentity(r);
  for (let w = windows - 1; w >= 0; w--) {
    if (w < windows - 1) doubleTimes(r, c);
    insert(memory + ((<usize>w * <usize>n) << 1), points, n, buckets, filled, c);
    if (sumBuckets(buckets, filled, 1 << (c - 1))) add(r, WINDOW_SUM);
  }
}

/** Signed digits in [-2^(c - 1), 2^(c - 1)], window by window, each window's n digits together. */
function recode(digits: usize, scalar: usize, c: i32, windows: i32, n: i32): void {
  const half = 1 << (c - 1);
  const mask = (1 << c) - 1;
  let carry = 0;
  for (let w = 0, bit = 0; w < windows; w++, bit += c) {
    let digit = (<i32>(load<u64>(scalar + (<usize>bit >> 3)) >> (bit & 7)) & mask) + carry;
    carry = <i32>(digit > half);
    digit -= carry << c;
    store<i16>(digits, <i16>digit);
    digits += <usize>n << 1;
  }
}

/** The first point of a bucket is copied, the others are added. */
function insert(digits: usize, points: usize, n: i32, buckets: usize, filled: usize, c: i32): void {
  memory.fill(filled, 0, 1 << (c - 1));
  for (let i = 0; i < n; i++) {
    const digit = <i32>load<i16>(digits + (<usize>i << 1));
    if (digit == 0) continue;
    const index = <usize>(abs(digit) - 1);
    const bucket = buckets + index * EXTENDED;
    const point = <usize>load<u32>(points + (<usize>i << 2));
    if (load<u8>(filled + index) == 0) {
      store<u8>(filled + index, 1);
      fromAffine(bucket, point, digit < 0);
      continue;
    }
    addSigned(bucket, point, <i64>(digit >> 31));
    completeT(bucket);
  }
}

/** WINDOW_SUM = 1 bucket_0 + 2 bucket_1 + ...; false if all are empty. */
function sumBuckets(buckets: usize, filled: usize, n: i32): bool {
  let i = n - 1;
  while (i >= 0 && load<u8>(filled + i) == 0) i--;
  if (i < 0) return false;
  memory.copy(RUNNING, buckets + <usize>i * EXTENDED, EXTENDED);
  memory.copy(WINDOW_SUM, RUNNING, EXTENDED);
  for (i--; i >= 0; i--) {
    if (load<u8>(filled + i) != 0) add(RUNNING, buckets + <usize>i * EXTENDED);
    add(WINDOW_SUM, RUNNING);
  }
  return true;
}
