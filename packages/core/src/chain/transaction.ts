import { concatBytes, utf8 } from '../bytes.ts'
import type { Codec } from '../codec/codec.ts'
import { sha256 } from '../crypto/hash.ts'

export type Call = { readonly module: string; readonly method: string; readonly args: Uint8Array }

/** A transaction as the base schema has it; a scheme's extra fields stand beside these. */
export type Transaction = {
  /** Version of the scheme's rules. */
  readonly version: number
  readonly chainId: number
  /** Where it executes. */
  readonly vShard: number
  /** 1 is ed25519. */
  readonly keyType: number
  readonly senderKey: Uint8Array
  /** Transactions of this account on this vShard so far. */
  readonly nonce: number
  readonly gasLimit: number
  /** Most that is paid for a unit of gas, base fee and tip together, in motes. */
  readonly maxFee: bigint
  /** Offered above the base fee, in motes per unit of gas. */
  readonly tip: bigint
  /** Last height of the vShard at which it may be included. */
  readonly expiryHeight: number
  readonly call: Call
  readonly signature: Uint8Array
}

/** Bytes after the signed part: the header of the signature field and the signature, which end what is signed in itself. */
export const SIGNATURE_FIELD_BYTES = 66
const SIGNATURE_BYTES = 64
export const KEY_TYPE_ED25519 = 1

/** What signatures and hashes of one kind of object on one chain begin with: nothing signed here is valid elsewhere. */
export function signingDomain(genesisHash: Uint8Array, kind: string, schemaVersion: number): Uint8Array {
  return sha256(concatBytes(utf8(`armchain/v1/${kind}\0`), genesisHash, Uint8Array.of(schemaVersion)))
}

/** The bytes that are signed of a transaction, or of anything else whose last field is its signature: the domain, then all fields before it. */
export function transactionMessage(domain: Uint8Array, transaction: Uint8Array): Uint8Array {
  return concatBytes(domain, transaction.subarray(0, transaction.length - SIGNATURE_FIELD_BYTES))
}

/** Encodes what ends with its signature, and signs it. `sign` is given the domain-separated message. */
export function signEncoded<Signed extends { readonly signature: Uint8Array }>(
  codec: Codec<Signed>,
  unsigned: Omit<Signed, 'signature'>,
  domain: Uint8Array,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  const encoded = codec.encode({ ...unsigned, signature: new Uint8Array(SIGNATURE_BYTES) } as Signed)
  encoded.set(sign(transactionMessage(domain, encoded)), encoded.length - SIGNATURE_BYTES)
  return encoded
}

/** Encodes and signs. `sign` is given the domain-separated message. */
export function signTransaction(
  codec: Codec<Transaction>,
  unsigned: Omit<Transaction, 'signature'>,
  domain: Uint8Array,
  sign: (message: Uint8Array) => Uint8Array,
): Uint8Array {
  return signEncoded(codec, unsigned, domain, sign)
}

/** The id of a transaction, and the trace id of everything that it causes: the hash of its bytes as received. */
export function transactionId(transaction: Uint8Array): Uint8Array {
  return sha256(transaction)
}
