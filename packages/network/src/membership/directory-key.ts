import { sha256, signingDomain } from '@armchain/core'

/**
 * Where the members of a vShard are to be found in the directory in an epoch: 32 bytes that say so only to who knows the
 * network, and that move with the epoch, so that places near to it cannot be taken long in advance.
 *
 * @param genesisHash 32 bytes: names the network.
 * @param epoch An integer in [0, 2^53).
 * @param vShard An integer in [0, 2^32).
 */
export function directoryKey(genesisHash: Uint8Array, epoch: number, vShard: number): Uint8Array {
  const key = new Uint8Array(32 + 8 + 4)
  const view = new DataView(key.buffer)
  key.set(signingDomain(genesisHash, 'directory', 1))
  view.setBigUint64(32, BigInt(epoch))
  view.setUint32(40, vShard)
  return sha256(key)
}
