// What of GF(2^255 - 19) is not straight-line code over limbs. Sizes, units and bounds: tools/generate-field.ts.
import { feCarry, feMul, feNegate, feSquare, feSquareTimes, feToBytes } from './generated/field';

export * from './generated/field';

/** Bytes of an element in memory. */
export const FE: usize = 40;

const S0: usize = memory.data(40, 16);
const S1: usize = memory.data(40, 16);
const S2: usize = memory.data(40, 16);
const S3: usize = memory.data(40, 16);
const BYTES: usize = memory.data(32, 16);

/** S0 = z^(2^250 - 1) and S3 = z^11: what the two exponents below have in common. */
function powerOfOnes(z: usize): void {
  feSquare(S0, z);
  feSquareTimes(S1, S0, 2);
  feMul(S1, S1, z); // 9
  feMul(S3, S1, S0); // 11
  feSquare(S0, S3); // 22
  feMul(S0, S0, S1); // 31 = 2^5 - 1
  feSquareTimes(S1, S0, 5);
  feMul(S0, S1, S0); // 2^10 - 1
  feSquareTimes(S1, S0, 10);
  feMul(S1, S1, S0); // 2^20 - 1
  feSquareTimes(S2, S1, 20);
  feMul(S1, S2, S1); // 2^40 - 1
  feSquareTimes(S1, S1, 10);
  feMul(S0, S1, S0); // 2^50 - 1
  feSquareTimes(S1, S0, 50);
  feMul(S1, S1, S0); // 2^100 - 1
  feSquareTimes(S2, S1, 100);
  feMul(S1, S2, S1); // 2^200 - 1
  feSquareTimes(S1, S1, 50);
  feMul(S0, S1, S0); // 2^250 - 1
}

/** r = z^((p - 5) / 8), of which square roots are made (RFC 8032, 5.1.3). r may be z. */
export function fePowerForRoot(r: usize, z: usize): void {
  powerOfOnes(z);
  feSquareTimes(S0, S0, 2);
  feMul(r, S0, z); // 2^252 - 3
}

/** r = 1 / z, and 0 for 0. r may be z. */
export function feInvert(r: usize, z: usize): void {
  powerOfOnes(z);
  feSquareTimes(S0, S0, 5);
  feMul(r, S0, S3); // 2^255 - 21 = p - 2
}

/** For up to 16 units. */
export function feIsZero(a: usize): bool {
  feToBytes(BYTES, a);
  return (load<u64>(BYTES) | load<u64>(BYTES, 8) | load<u64>(BYTES, 16) | load<u64>(BYTES, 24)) == 0;
}

/** The sign of RFC 8032: whether the representative below p is odd. */
export function feIsOdd(a: usize): bool {
  feToBytes(BYTES, a);
  return (load<u8>(BYTES) & 1) != 0;
}

/** r = -a with 1 unit, for an a of 1 unit. */
export function feMinus(r: usize, a: usize): void {
  feNegate(r, a);
  feCarry(r, r);
}
