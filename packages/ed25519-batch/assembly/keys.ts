// Decompressed public keys, kept from batch to batch: an open hash with chains over a fixed number of slots. What is
// evicted was not used since the clock's hand passed, so keys that are seen once do not drive out those seen often.
// Adversaries choose the keys, so the hash is universal under a seed from the host.
import { AFFINE, decompress, doubleTimes, fromAffine, isIdentity, isSmallOrder, toAffine } from './point';
import { groupOrder } from './scalar';
import { strausBegin, strausSum, strausTerm } from './straus';

// A slot.
const NEXT: usize = 32;
const FLAGS: usize = 36;
const BATCH: usize = 40;
const USES: usize = 44;
const SUM_ID: usize = 48;
const COEFFICIENT: usize = 56;
const POINT: usize = 96;
const HIGH_POINT: usize = POINT + AFFINE;
const SLOT: usize = HIGH_POINT + AFFINE;

const REFERENCED: u32 = 1;
const HAS_HIGH: u32 = 2;
const ACCOUNT: u32 = 4;
const NO_ACCOUNT: u32 = 8;

/** A key used in this many batches gets its 2^128-fold, which costs about as much as half a verification. */
const HIGH_USES: u32 = 8;

const SEED: usize = memory.data(64, 16);

let heads: usize = 0;
let slots: usize = 0;
let mask: u32 = 0;
let capacity: u32 = 0;
let used: u32 = 0;
let hand: u32 = 0;
let batch: u32 = 0;

/** Bytes of memory for `max` keys. */
export function keyCacheBytes(max: u32): usize {
  return (<usize>headCount(max) << 2) + <usize>max * SLOT;
}

function headCount(max: u32): u32 {
  return 1 << (32 - clz<u32>(max));
}

/** Lays the empty cache out in zeroed memory; the 64 bytes of the seed are at `seedAddress()`. */
export function prepareKeys(memory: usize, max: u32): void {
  heads = memory;
  mask = headCount(max) - 1;
  slots = memory + (<usize>(mask + 1) << 2);
  capacity = max;
}

export function seedAddress(): usize {
  return SEED;
}

/** Keys of the batch that begins are not evicted before the next begins. A batch has at most as many as fit. */
export function beginBatch(): void {
  batch++;
}

/** The slot of a key, decompressed if it was not there; 0 if it is no point. */
export function findKey(key: usize): usize {
  const slot = knownKey(key);
  if (slot != 0) return slot;
  return decompress(FRESH, key) ? keepKey(key, FRESH) : 0;
}

/** The slot of a key; 0 if it has none. */
export function knownKey(key: usize): usize {
  const head = heads + (<usize>hash(key) << 2);
  for (let index = load<u32>(head); index != 0; ) {
    const slot = slotAt(index);
    if (same(slot, key)) {
      if (load<u32>(slot, BATCH) != batch) touch(slot);
      return slot;
    }
    index = load<u32>(slot, NEXT);
  }
  return 0;
}

/** The slot that a key gets which has none, given its affine point. */
export function keepKey(key: usize, point: usize): usize {
  const head = heads + (<usize>hash(key) << 2);
  const index = freeSlot();
  const slot = slotAt(index);
  memory.fill(slot, 0, SLOT);
  memory.copy(slot, key, 32);
  memory.copy(slot + POINT, point, AFFINE);
  store<u32>(slot, batch, BATCH);
  store<u32>(slot, load<u32>(head), NEXT);
  store<u32>(head, index);
  return slot;
}

const FRESH: usize = memory.data(160, 16);

function slotAt(index: u32): usize {
  return slots + <usize>(index - 1) * SLOT;
}

function same(a: usize, b: usize): bool {
  return (
    ((load<u64>(a) ^ load<u64>(b)) |
      (load<u64>(a, 8) ^ load<u64>(b, 8)) |
      (load<u64>(a, 16) ^ load<u64>(b, 16)) |
      (load<u64>(a, 24) ^ load<u64>(b, 24))) ==
    0
  );
}

/** Multilinear over the eight words of the key, the top bits of the sum: universal for a secret, random seed. */
function hash(key: usize): u32 {
  let sum: u64 = 0;
  for (let i: usize = 0; i < 8; i++) sum += load<u64>(SEED + (i << 3)) * <u64>load<u32>(key + (i << 2));
  return <u32>(sum >> 32) & mask;
}

/** A key that is used in a further batch. */
function touch(slot: usize): void {
  store<u32>(slot, batch, BATCH);
  store<u32>(slot, load<u32>(slot, FLAGS) | REFERENCED, FLAGS);
  const uses = load<u32>(slot, USES) + 1;
  store<u32>(slot, uses, USES);
  if (uses == HIGH_USES) addHighPoint(slot);
}

const WORK: usize = memory.data(160, 16);

function addHighPoint(slot: usize): void {
  fromAffine(WORK, slot + POINT, false);
  doubleTimes(WORK, 128);
  toAffine(slot + HIGH_POINT, WORK);
  store<u32>(slot, load<u32>(slot, FLAGS) | HAS_HIGH, FLAGS);
}

function freeSlot(): u32 {
  if (used < capacity) return ++used;
  let slot: usize;
  do {
    hand = hand == capacity ? 1 : hand + 1;
    slot = slotAt(hand);
  } while (isKept(slot));
  unlink(slot, hand);
  return hand;
}

/** Whether the clock's hand passes a slot by: it belongs to this batch, or was used again since the last round. */
function isKept(slot: usize): bool {
  if (load<u32>(slot, BATCH) == batch) return true;
  const flags = load<u32>(slot, FLAGS);
  store<u32>(slot, flags & ~REFERENCED, FLAGS);
  return (flags & REFERENCED) != 0;
}

function unlink(slot: usize, index: u32): void {
  let link = heads + (<usize>hash(slot) << 2);
  while (load<u32>(link) != index) link = slotAt(load<u32>(link)) + NEXT;
  store<u32>(link, load<u32>(slot, NEXT));
}

export function keyPoint(slot: usize): usize {
  return slot + POINT;
}

/** 2^128 times the key, affine; 0 if it is not known. */
export function keyHighPoint(slot: usize): usize {
  return (load<u32>(slot, FLAGS) & HAS_HIGH) != 0 ? slot + HIGH_POINT : 0;
}

/** The scalar that a sum has of the key so far, see `enterSum`. */
export function keyCoefficient(slot: usize): usize {
  return slot + COEFFICIENT;
}

/** Makes the key part of the sum `id`; false if it was not yet. */
export function enterSum(slot: usize, id: u32): bool {
  const was = load<u32>(slot, SUM_ID) == id;
  store<u32>(slot, id, SUM_ID);
  return was;
}

const STRAUS: usize = memory.data(272 + 1280, 16);

/** Whether the key is canonical, of the prime-order subgroup and not the neutral element. Remembered with the key. */
export function isAccountKey(key: usize): bool {
  if (!isCanonical(key)) return false;
  const slot = findKey(key);
  if (slot == 0) return false;
  const flags = load<u32>(slot, FLAGS);
  if ((flags & (ACCOUNT | NO_ACCOUNT)) != 0) return (flags & ACCOUNT) != 0;
  const good = isOfPrimeOrder(slot + POINT);
  store<u32>(slot, flags | (good ? ACCOUNT : NO_ACCOUNT), FLAGS);
  return good;
}

function isOfPrimeOrder(point: usize): bool {
  fromAffine(WORK, point, false);
  if (isSmallOrder(WORK)) return false;
  strausBegin(STRAUS, 1);
  strausTerm(point, groupOrder());
  strausSum(WORK);
  return isIdentity(WORK);
}

/** y below p, and no sign on x = 0, which only y = 1 and y = -1 have. */
export function isCanonical(encoding: usize): bool {
  const top = load<u64>(encoding, 24);
  const middle = load<u64>(encoding, 8) & load<u64>(encoding, 16);
  const allOnes = (top & 0x7fffffffffffffff) == 0x7fffffffffffffff && middle == u64.MAX_VALUE;
  const low = load<u64>(encoding);
  if (allOnes && low >= 0xffffffffffffffed) return false;
  if (<i64>top >= 0) return true;
  const isOne = low == 1 && (load<u64>(encoding, 8) | load<u64>(encoding, 16) | (top << 1)) == 0;
  return !isOne && !(allOnes && low == 0xffffffffffffffec);
}
