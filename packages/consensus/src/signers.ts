import type { Committee } from './committee.ts'

/**
 * Who signed, as a bitmap over the committee: bit i of byte i >> 3, from the low bit, is seat i. One form for one set:
 * the length is that of the committee, and bits beyond it are zero.
 */
export function signerBitmap(indexes: Iterable<number>, seats: number): Uint8Array {
  const bitmap = new Uint8Array((seats + 7) >> 3)
  for (const index of indexes) bitmap[index >> 3] = (bitmap[index >> 3] as number) | (1 << (index & 7))
  return bitmap
}

/** Ascending indexes and their weight; undefined for a bitmap of another length or with a seat that is not there. */
export function readSigners(
  bitmap: Uint8Array,
  { seats }: Committee,
): { readonly indexes: readonly number[]; readonly weight: number } | undefined {
  if (bitmap.length !== (seats.length + 7) >> 3) return undefined
  const indexes: number[] = []
  let weight = 0
  for (let index = 0; index < 8 * bitmap.length; index++) {
    if ((((bitmap[index >> 3] as number) >> (index & 7)) & 1) === 0) continue
    const seat = seats[index]
    if (seat === undefined) return undefined
    indexes.push(index)
    weight += seat.weight
  }
  return { indexes, weight }
}
