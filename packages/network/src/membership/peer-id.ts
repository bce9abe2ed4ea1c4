import { ArmError } from '@armchain/core'
import type { PeerId } from '../network.ts'

/** Of an ed25519 key: an identity multihash of 36 bytes, of a protobuf with the key type 1 and 32 bytes of data. */
const PREFIX = Uint8Array.of(0x00, 0x24, 0x08, 0x01, 0x12, 0x20)
const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'
/** What `PREFIX` and any 32 bytes come to in base 58. */
const TEXT_LENGTH = 52

/**
 * The libp2p peer id of an ed25519 network key, as text.
 *
 * @see https://github.com/libp2p/specs/blob/master/peer-ids/peer-ids.md
 */
export function peerIdOf(publicKey: Uint8Array): PeerId {
  if (publicKey.length !== 32) throw new ArmError('ARM_KEY', 'a public key has 32 bytes', { bytes: publicKey.length })
  let value = 0n
  for (const byte of [...PREFIX, ...publicKey]) value = (value << 8n) | BigInt(byte)
  let text = ''
  for (; value > 0n; value /= 58n) text = `${ALPHABET[Number(value % 58n)]}${text}`
  // The first byte of the prefix is zero, which base 58 writes as a 1.
  return `1${text}`
}

/** The network key that a peer id is of; undefined if it is not that of an ed25519 key. */
export function keyOfPeer(peer: PeerId): Uint8Array | undefined {
  if (peer.length !== TEXT_LENGTH || peer[0] !== '1') return undefined
  let value = 0n
  for (const character of peer) {
    const digit = ALPHABET.indexOf(character)
    if (digit === -1) return undefined
    value = value * 58n + BigInt(digit)
  }
  const bytes = new Uint8Array(PREFIX.length + 32)
  for (let at = bytes.length - 1; at >= 0; at--, value >>= 8n) bytes[at] = Number(value & 255n)
  const isOurs = value === 0n && PREFIX.every((byte, i) => bytes[i] === byte)
  return isOurs ? bytes.subarray(PREFIX.length) : undefined
}
