import type { Rng } from '@armchain/core'

/** An integer in [0, limit), each as likely as another but for 2^-32. */
export type Draw = (limit: number) => number

export function drawsOf(random: Rng): Draw {
  return (limit) => {
    const bytes = random.bytes(4)
    return Math.floor((new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32) * limit)
  }
}
