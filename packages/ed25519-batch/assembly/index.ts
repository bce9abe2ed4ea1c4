// What the host calls. Nothing is imported. Memory: constants, then the key cache, then what one batch needs.
import { compress, decompress } from './point';
import { beginBatch, isAccountKey as checkAccountKey, isCanonical, keyCacheBytes, prepareKeys, seedAddress } from './keys';
import { sha512Update } from './sha512';
import { BASE_BYTES, prepareBase, strausBegin, strausBytes, strausSum, strausTerm } from './straus';
import { DOMAIN, SINGLE, beginSingle, dataAddress, endSingle, layOut } from './verify';

export { offsetsAddress, randomAddress, verdictsAddress, verifyItems, verifyTransactions } from './verify';
export { isExact } from './point';
export { beginSingle, dataAddress, endSingle, seedAddress };

let arena: usize = 0;

/** Before anything else; then the seed of the key cache goes to `seedAddress()`. False if there is no memory for it. */
export function initialize(keys: u32): bool {
  const start = (__heap_base + 15) & ~15;
  arena = (start + keyCacheBytes(keys) + 15) & ~15;
  if (!grow(arena + BASE_BYTES)) return false;
  prepareKeys(start, keys);
  prepareBase(arena);
  return true;
}

function grow(end: usize): bool {
  const pages = <i32>((end + 0xffff) >> 16);
  return pages <= memory.size() || memory.grow(pages - memory.size()) >= 0;
}

/** Makes room for a batch; false if there is no memory for it. */
export function reserve(count: i32, dataBytes: usize): bool {
  return grow(layOut(arena, count, dataBytes));
}

export function domainAddress(): usize {
  return DOMAIN;
}

/** Where key (32 bytes) and signature (64) of a single verification go, and the key of `isAccountKey`. */
export function singleAddress(): usize {
  return SINGLE;
}

/** The next part of the message of a single verification, `size` bytes at `dataAddress()`. */
export function updateSingle(size: usize): void {
  sha512Update(dataAddress(), size);
}

/** Whether the key at `singleAddress()` may own an account. */
export function isAccountKey(): bool {
  beginBatch();
  return checkAccountKey(SINGLE);
}

/** Whether the 32 bytes at `singleAddress()` are the canonical encoding of a point. */
export function isCanonicalPoint(): bool {
  return isCanonical(SINGLE) && decompress(POINT, SINGLE);
}

const POINT: usize = memory.data(160, 16);
const SUM: usize = memory.data(160, 16);

/**
 * Sums n multiples: at `dataAddress()` n encoded points, then n scalars of 32 bytes; the encoded sum goes to
 * `singleAddress()`. False if one of them is no point. Needs `reserve(0, multiplyBytes(n))`.
 */
export function multiply(n: i32): bool {
  const data = dataAddress();
  strausBegin((data + (<usize>n << 6) + 15) & ~15, n);
  for (let i = 0; i < n; i++) {
    if (!decompress(POINT, data + (<usize>i << 5))) return false;
    strausTerm(POINT, data + (<usize>(n + i) << 5));
  }
  strausSum(SUM);
  compress(SINGLE, SUM);
  return true;
}

export function multiplyBytes(n: i32): usize {
  return (<usize>n << 6) + 16 + strausBytes(n);
}
