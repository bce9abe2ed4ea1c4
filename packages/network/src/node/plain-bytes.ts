/**
 * The same bytes as no more than a `Uint8Array`: what comes from sockets is a `Buffer`, whose `slice` shares memory where
 * that of a `Uint8Array` copies.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return Buffer.isBuffer(bytes) ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length) : bytes
}
