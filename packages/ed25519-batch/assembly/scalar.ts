// Integers modulo the group order L = 2^252 + c, c = 27742317777372353535851937790883648493 (RFC 8032, 5.1): 32 bytes,
// little-endian, worked on as 32-bit words. Not constant in time: all of it is public.

/** c, four words. */
const LOW: usize = memory.data<u32>([0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de]);
/** L, eight words. */
const ORDER: usize = memory.data<u32>([0x5cf5d3ed, 0x5812631a, 0xa2f79cd6, 0x14def9de, 0, 0, 0, 0x10000000]);

/** Room for 64 bytes and a word above. */
const WIDE: usize = memory.data(80, 16);
const HIGH: usize = memory.data(48, 16);

/** Whether the 32 bytes at `a` are below L. */
export function isReduced(a: usize): bool {
  for (let i: usize = 32; i > 0; ) {
    i -= 4;
    const x = load<u32>(a + i);
    const y = load<u32>(ORDER + i);
    if (x != y) return x < y;
  }
  return false;
}

/**
 * r = the 64 bytes at `wide` modulo L.
 *
 * x = low + 2^252 high = low - c high, and a multiple of L keeps that positive. c < 2^124.4, so from x < 2^512 it goes to
 * below 2^385.1 (high < 2^260, + 2^133 L), below 2^260.1 (high < 2^133.1, + 2^8 L) and below 2^253.1 (high < 2^8.1, + L).
 */
export function reduceWide(r: usize, wide: usize): void {
  memory.copy(WIDE, wide, 64);
  store<u64>(WIDE, 0, 64);
  fold(9, 16, 133);
  fold(5, 13, 8);
  fold(1, 9, 0);
  while (!isReduced(WIDE)) subtractOrder(WIDE);
  memory.copy(r, WIDE, 32);
}

/** WIDE = low - c * high + 2^shift L, high of `highWords` words, in `words` words. */
function fold(highWords: i32, words: i32, shift: i32): void {
  for (let i = 0; i < highWords; i++) {
    const word = WIDE + (<usize>(7 + i) << 2);
    store<u32>(HIGH + (<usize>i << 2), (load<u32>(word) >> 28) | (load<u32>(word, 4) << 4));
  }
  store<u32>(WIDE, load<u32>(WIDE, 28) & 0x0fffffff, 28);
  memory.fill(WIDE + 32, 0, 48);
  addShiftedOrder(words, shift);
  for (let i = 0; i < highWords; i++) {
    const at = WIDE + (<usize>i << 2);
    const high = <u64>load<u32>(HIGH + (<usize>i << 2));
    let carry: u64 = 0;
    let borrow: i64 = 0;
    for (let j: usize = 0; j < 16; j += 4) {
      carry += high * <u64>load<u32>(LOW + j);
      borrow += <i64>load<u32>(at + j) - <i64>(carry & 0xffffffff);
      store<u32>(at + j, <u32>borrow);
      borrow >>= 32;
      carry >>= 32;
    }
    borrow -= <i64>carry;
    for (let j: i32 = 4; borrow != 0 && i + j < words; j++) {
      const word = at + (<usize>j << 2);
      borrow += <i64>load<u32>(word);
      store<u32>(word, <u32>borrow);
      borrow >>= 32;
    }
  }
}

/** WIDE += 2^shift L, in `words` words. */
function addShiftedOrder(words: i32, shift: i32): void {
  const bits = shift & 31;
  let carry: u64 = 0;
  let rest: u64 = 0;
  for (let i = shift >> 5, j: usize = 0; i < words; i++, j += 4) {
    if (j < 32) rest |= <u64>load<u32>(ORDER + j) << bits;
    const word = WIDE + (<usize>i << 2);
    carry += <u64>load<u32>(word) + (rest & 0xffffffff);
    store<u32>(word, <u32>carry);
    carry >>= 32;
    rest >>= 32;
  }
}

function subtractOrder(a: usize): void {
  let borrow: i64 = 0;
  for (let i: usize = 0; i < 32; i += 4) {
    borrow += <i64>load<u32>(a + i) - <i64>load<u32>(ORDER + i);
    store<u32>(a + i, <u32>borrow);
    borrow >>= 32;
  }
}

const PRODUCT: usize = memory.data(64, 16);

/** r = a * z mod L, z of 16 bytes. */
export function multiplyShort(r: usize, a: usize, z: usize): void {
  memory.fill(PRODUCT, 0, 64);
  for (let i: usize = 0; i < 16; i += 4) {
    const factor = <u64>load<u32>(z + i);
    let carry: u64 = 0;
    for (let j: usize = 0; j < 32; j += 4) {
      carry += factor * <u64>load<u32>(a + j) + <u64>load<u32>(PRODUCT + i + j);
      store<u32>(PRODUCT + i + j, <u32>carry);
      carry >>= 32;
    }
    store<u32>(PRODUCT + i + 32, <u32>carry);
  }
  reduceWide(r, PRODUCT);
}

/** r = r + a mod L, both below L. */
export function addScalar(r: usize, a: usize): void {
  let carry: u64 = 0;
  for (let i: usize = 0; i < 32; i += 4) {
    carry += <u64>load<u32>(r + i) + <u64>load<u32>(a + i);
    store<u32>(r + i, <u32>carry);
    carry >>= 32;
  }
  if (!isReduced(r)) subtractOrder(r);
}

/** r = L - a, for a <= L: the integer, so that 0 gives L. */
export function negateScalar(r: usize, a: usize): void {
  let borrow: i64 = 0;
  for (let i: usize = 0; i < 32; i += 4) {
    borrow += <i64>load<u32>(ORDER + i) - <i64>load<u32>(a + i);
    store<u32>(r + i, <u32>borrow);
    borrow >>= 32;
  }
}

/** The group order, as a scalar. */
export function groupOrder(): usize {
  return ORDER;
}
