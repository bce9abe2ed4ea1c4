// SHA-512 over a message that comes in parts (FIPS 180-4).
import { sha512Compress } from './generated/sha512';

const INITIAL: usize = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1, 0x510e527fade682d1,
  0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
]);
const STATE: usize = memory.data(64, 16);
const BLOCK: usize = memory.data(128, 16);
let length: u64 = 0;

export function sha512Begin(): void {
  memory.copy(STATE, INITIAL, 64);
  length = 0;
}

export function sha512Update(part: usize, size: usize): void {
  const filled = <usize>length & 127;
  length += size;
  if (filled > 0) {
    const missing: usize = 128 - filled;
    if (size < missing) {
      memory.copy(BLOCK + filled, part, size);
      return;
    }
    memory.copy(BLOCK + filled, part, missing);
    sha512Compress(STATE, BLOCK);
    part += missing;
    size -= missing;
  }
  for (; size >= 128; size -= 128, part += 128) sha512Compress(STATE, part);
  memory.copy(BLOCK, part, size);
}

/** The 64 bytes of the digest go to `digest`. */
export function sha512End(digest: usize): void {
  const filled = <usize>length & 127;
  store<u8>(BLOCK + filled, 0x80);
  memory.fill(BLOCK + filled + 1, 0, 127 - filled);
  if (filled >= 112) {
    sha512Compress(STATE, BLOCK);
    memory.fill(BLOCK, 0, 128);
  }
  // The length in bits has 128 bits, of which memory can fill 67 at most: bytes are counted in 64.
  store<u64>(BLOCK, bswap<u64>(length >> 61), 112);
  store<u64>(BLOCK, bswap<u64>(length << 3), 120);
  sha512Compress(STATE, BLOCK);
  for (let i: usize = 0; i < 64; i += 8) store<u64>(digest + i, bswap<u64>(load<u64>(STATE + i)));
}
