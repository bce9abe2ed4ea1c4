// Batch and single verification of ed25519 signatures as ZIP215 asks: 8 (s B - R - k A) = 0 with k = H(R || A || M),
// s below the group order L, A and R in any encoding of a point.
//
// A batch asks whether 8 (sum z R + sum (z k) A - (sum z s) B) = 0 for random z of 128 bits. Coefficients of A and B are
// taken modulo L, which changes nothing but the part of small order that the factor 8 removes.
import { AFFINE, EXTENDED, add, addAffine, decompress, decompressTwo, doubleTimes, isSmallOrder, subtract } from './point';
import { SHORT, pippenger, pippengerBytes } from './pippenger';
import { addScalar, isReduced, multiplyShort, negateScalar, reduceWide } from './scalar';
import { sha512Begin, sha512End, sha512Update } from './sha512';
import {
  baseHighPoint,
  basePoint,
  strausBase,
  strausBaseHigh,
  strausBegin,
  strausBytes,
  strausSum,
  strausTerm,
} from './straus';
import { beginBatch, enterSum, keepKey, keyCoefficient, keyHighPoint, keyPoint, knownKey } from './keys';

// A signature whose parts are well formed.
const INDEX: usize = 0;
const KEY: usize = 4;
const Z: usize = 8; // 16 bytes, and zeros up to 32
const K: usize = 40;
const S: usize = 72;
const ZK: usize = 104;
const ZS: usize = 136;
/** Address of R's encoding while it waits to be decompressed, else 0. */
const ENCODING: usize = 168;
const R: usize = 176;
const ITEM: usize = R + AFFINE;

/** Up to this many terms, Straus takes less time than Pippenger. */
const STRAUS_MAX: i32 = 64;
/** Parts of a failed batch up to this size are decided one by one: many bad ones then cost hardly more than alone. */
const SINGLE_MAX: i32 = 32;
/** Halvings of a batch of 2^31. */
const DEPTH_MAX: usize = 32;

/** Bytes of a transaction behind what is signed: the header of the field and the signature. */
const SIGNATURE_FIELD: usize = 66;

let dataAt: usize = 0;
let offsetsAt: usize = 0;
let randomAt: usize = 0;
let verdictsAt: usize = 0;
let items: usize = 0;
let sums: usize = 0;
let keyList: usize = 0;
let points: usize = 0;
let scalars: usize = 0;
let work: usize = 0;

export const DOMAIN: usize = memory.data(32, 16);

let live: i32 = 0;
let sumId: u32 = 0;

/** Lays out the memory of a batch from `start`; gives the address behind it. */
export function layOut(start: usize, count: i32, dataBytes: usize): usize {
  const n = <usize>count;
  const most = 3 * count + 2;
  dataAt = start;
  offsetsAt = align(dataAt + dataBytes);
  randomAt = align(offsetsAt + 4 * (n + 1));
  verdictsAt = randomAt + 16 * n;
  items = align(verdictsAt + n);
  sums = align(items + ITEM * n);
  keyList = sums + 2 * EXTENDED * DEPTH_MAX;
  points = align(keyList + 4 * n);
  scalars = align(points + 4 * <usize>most);
  work = align(scalars + SHORT * <usize>most);
  return work + max(pippengerBytes(most), strausBytes(STRAUS_MAX));
}

// @ts-ignore: decorator
@inline
function align(address: usize): usize {
  return (address + 15) & ~15;
}

/** Where the data of a batch goes. */
export function dataAddress(): usize {
  return dataAt;
}
/** Where each item starts in the data, and the end of the last: 32 bits each. */
export function offsetsAddress(): usize {
  return offsetsAt;
}
/** 16 random bytes an item. */
export function randomAddress(): usize {
  return randomAt;
}
/** One byte an item: 1 for valid. */
export function verdictsAddress(): usize {
  return verdictsAt;
}
/** Items of key (32 bytes), signature (64), message. */
export function verifyItems(count: i32): void {
  start();
  for (let i = 0; i < count; i++) {
    const at = dataAt + <usize>load<u32>(offsetsAt + (<usize>i << 2));
    const size = dataAt + <usize>load<u32>(offsetsAt + (<usize>i << 2), 4) - at;
    store<u8>(verdictsAt + i, 0);
    if (size >= 96) take(i, at, at + 32, 0, at + 96, size - 96);
  }
  decide();
}

/** Transactions: the key at `keyOffset` inside each, the signature last; signed is the domain and what is before its field. */
export function verifyTransactions(count: i32, keyOffset: usize): void {
  start();
  for (let i = 0; i < count; i++) {
    const at = dataAt + <usize>load<u32>(offsetsAt + (<usize>i << 2));
    const size = dataAt + <usize>load<u32>(offsetsAt + (<usize>i << 2), 4) - at;
    store<u8>(verdictsAt + i, 0);
    if (size >= keyOffset + 32 + SIGNATURE_FIELD)
      take(i, at + keyOffset, at + size - 64, 32, at, size - SIGNATURE_FIELD);
  }
  decide();
}

function start(): void {
  beginBatch();
  live = 0;
}

const DIGEST: usize = memory.data(64, 16);

/** Makes item `live` of a signature whose parts are well formed as far as is known yet, and skips any other. */
function take(index: i32, key: usize, signature: usize, domainSize: usize, message: usize, size: usize): void {
  const item = items + <usize>live * ITEM;
  if (!parts(item, key, signature)) return;
  sha512Begin();
  sha512Update(signature, 32);
  sha512Update(key, 32);
  sha512Update(DOMAIN, domainSize);
  sha512Update(message, size);
  sha512End(DIGEST);
  reduceWide(item + K, DIGEST);
  store<u32>(item, index, INDEX);
  memory.copy(item + Z, randomAt + (<usize>index << 4), 16);
  memory.fill(item + Z + 16, 0, 16);
  store<u8>(item, load<u8>(item, Z) | 1, Z); // Never 0, which would accept anything.
  multiplyShort(item + ZK, item + K, item + Z);
  multiplyShort(item + ZS, item + S, item + Z);
  live++;
}

/**
 * The key's slot and s of a signature, and R together with the key if that is new; else R waits for another, as two may
 * be decompressed at the cost of one. False if s is not reduced, or what is decompressed is no point.
 */
function parts(item: usize, key: usize, signature: usize): bool {
  if (!isReduced(signature + 32)) return false;
  let slot = knownKey(key);
  let encoding = signature;
  if (slot == 0) {
    const good = decompressTwo(NEW_KEY, key, item + R, signature);
    if ((good & 1) == 0) return false;
    slot = keepKey(key, NEW_KEY);
    if (good != 3) return false;
    encoding = 0;
  }
  store<u32>(item, <u32>slot, KEY);
  store<u32>(item, <u32>encoding, ENCODING);
  memory.copy(item + S, signature + 32, 32);
  return true;
}

const NEW_KEY: usize = memory.data(160, 16);

/** Decompresses every R that waits, and takes out the items where it is no point. */
function decompressRs(): void {
  let waiting: usize = 0;
  for (let i = 0; i < live; i++) {
    const item = items + <usize>i * ITEM;
    if (load<u32>(item, ENCODING) == 0) continue;
    if (waiting == 0) waiting = item;
    else {
      decompressTwoRs(waiting, item);
      waiting = 0;
    }
  }
  if (waiting != 0) decompressTwoRs(waiting, waiting);
  let kept = 0;
  for (let i = 0; i < live; i++) {
    const item = items + <usize>i * ITEM;
    if (load<u32>(item, ENCODING) != 0) continue;
    if (kept < i) memory.copy(items + <usize>kept * ITEM, item, ITEM);
    kept++;
  }
  live = kept;
}

/** Those of two items; where it is a point, nothing waits any more. */
function decompressTwoRs(a: usize, b: usize): void {
  const good = decompressTwo(a + R, load<u32>(a, ENCODING), b + R, load<u32>(b, ENCODING));
  if ((good & 1) != 0) store<u32>(a, 0, ENCODING);
  if ((good & 2) != 0) store<u32>(b, 0, ENCODING);
}

function decide(): void {
  decompressRs();
  if (live == 0) return;
  sum(sums, 0, live);
  if (isSmallOrder(sums)) accept(0, live);
  else search(0, live, sums);
}

function accept(from: i32, to: i32): void {
  for (let i = from; i < to; i++) store<u8>(verdictsAt + load<u32>(items + <usize>i * ITEM, INDEX), 1);
}

/** Finds the bad ones of a part whose sum, at `total`, is not neutral; the sum of its second half is a difference. */
function search(from: i32, to: i32, total: usize): void {
  if (to - from <= SINGLE_MAX) {
    for (let i = from; i < to; i++) if (holds(items + <usize>i * ITEM)) accept(i, i + 1);
    return;
  }
  const middle = from + ((to - from) >> 1);
  const left = total + EXTENDED;
  sum(left, from, middle);
  subtract(total, left);
  if (isSmallOrder(left)) accept(from, middle);
  else search(from, middle, left);
  if (isSmallOrder(total)) accept(middle, to);
  else search(middle, to, total);
}

const ZS_SUM: usize = memory.data(32, 16);

/** r = sum z R + sum (z k) A - (sum z s) B over a part of the items. */
function sum(r: usize, from: i32, to: i32): void {
  const keys = collect(from, to);
  if (to - from + keys + 2 <= STRAUS_MAX) sumFew(r, from, to, keys);
  else sumMany(r, from, to, keys);
}

/** Adds up the coefficients of B (negated) and of each key; lists the keys and gives their number. */
function collect(from: i32, to: i32): i32 {
  sumId++;
  let keys = 0;
  memory.fill(ZS_SUM, 0, 32);
  for (let i = from; i < to; i++) {
    const item = items + <usize>i * ITEM;
    const slot = <usize>load<u32>(item, KEY);
    addScalar(ZS_SUM, item + ZS);
    if (enterSum(slot, sumId)) addScalar(keyCoefficient(slot), item + ZK);
    else {
      memory.copy(keyCoefficient(slot), item + ZK, 32);
      store<u32>(keyList + (<usize>keys << 2), <u32>slot);
      keys++;
    }
  }
  negateScalar(ZS_SUM, ZS_SUM);
  return keys;
}

function sumFew(r: usize, from: i32, to: i32, keys: i32): void {
  strausBegin(work, STRAUS_MAX);
  for (let i = from; i < to; i++) strausTerm(items + <usize>i * ITEM + R, items + <usize>i * ITEM + Z);
  for (let i = 0; i < keys; i++) {
    const slot = <usize>load<u32>(keyList + (<usize>i << 2));
    strausTerm(keyPoint(slot), keyCoefficient(slot));
  }
  strausBase(ZS_SUM);
  strausSum(r);
}

let listed: i32 = 0;

/**
 * All in multiples of 128 bits: a scalar is low + 2^128 high. Where 2^128 times the point is known, both halves go into
 * one sum; the other high halves have one of their own, which is then doubled 128 times.
 */
function sumMany(r: usize, from: i32, to: i32, keys: i32): void {
  listed = 0;
  for (let i = 0; i < keys; i++) {
    const slot = <usize>load<u32>(keyList + (<usize>i << 2));
    if (keyHighPoint(slot) == 0) list(keyPoint(slot), keyCoefficient(slot) + 16);
  }
  const separate = listed > 0;
  if (separate) {
    pippenger(HIGH_SUM, points, scalars, listed, work);
    doubleTimes(HIGH_SUM, 128);
  }
  listed = 0;
  for (let i = from; i < to; i++) list(items + <usize>i * ITEM + R, items + <usize>i * ITEM + Z);
  for (let i = 0; i < keys; i++) {
    const slot = <usize>load<u32>(keyList + (<usize>i << 2));
    list(keyPoint(slot), keyCoefficient(slot));
    if (keyHighPoint(slot) != 0) list(keyHighPoint(slot), keyCoefficient(slot) + 16);
  }
  list(basePoint(), ZS_SUM);
  list(baseHighPoint(), ZS_SUM + 16);
  pippenger(r, points, scalars, listed, work);
  if (separate) add(r, HIGH_SUM);
}

const HIGH_SUM: usize = memory.data(160, 16);

function list(point: usize, scalar: usize): void {
  store<u32>(points + (<usize>listed << 2), <u32>point);
  memory.copy(scalars + <usize>listed * SHORT, scalar, 16);
  store<u64>(scalars + <usize>listed * SHORT, 0, 16);
  listed++;
}

const LOW: usize = memory.data(32, 16);
const HIGH: usize = memory.data(32, 16);
const MINUS_S: usize = memory.data(32, 16);
const RESULT: usize = memory.data(160, 16);

/** The equation of one signature: 8 (R + k A + (L - s) B) = 0. */
function holds(item: usize): bool {
  const slot = <usize>load<u32>(item, KEY);
  negateScalar(MINUS_S, item + S);
  strausBegin(work, STRAUS_MAX);
  if (keyHighPoint(slot) != 0) {
    split(item + K);
    strausTerm(keyPoint(slot), LOW);
    strausTerm(keyHighPoint(slot), HIGH);
    split(MINUS_S);
    strausBase(LOW);
    strausBaseHigh(HIGH);
  } else {
    strausTerm(keyPoint(slot), item + K);
    strausBase(MINUS_S);
  }
  strausSum(RESULT);
  addAffine(RESULT, item + R);
  return isSmallOrder(RESULT);
}

/** LOW + 2^128 HIGH = scalar. */
function split(scalar: usize): void {
  memory.copy(LOW, scalar, 16);
  memory.copy(HIGH, scalar + 16, 16);
}

/** Key and signature of one verification. */
export const SINGLE: usize = memory.data(96, 16);
const SINGLE_ITEM: usize = memory.data(336, 16);

/** Begins to verify the signature at `SINGLE`, whose message follows in parts; false if it is malformed. */
export function beginSingle(): bool {
  beginBatch();
  if (!parts(SINGLE_ITEM, SINGLE, SINGLE + 32)) return false;
  if (load<u32>(SINGLE_ITEM, ENCODING) != 0 && !decompress(SINGLE_ITEM + R, SINGLE + 32)) return false;
  sha512Begin();
  sha512Update(SINGLE + 32, 32);
  sha512Update(SINGLE, 32);
  return true;
}

export function endSingle(): bool {
  sha512End(DIGEST);
  reduceWide(SINGLE_ITEM + K, DIGEST);
  return holds(SINGLE_ITEM);
}
