import { ArmError, fromHex } from '@armchain/core'

/** What to do with a node whose answer does not hold. */
export const DISTRUST: { readonly hint: string } = { hint: 'do not trust this node' }

/** The fields of an answer: what a node says is typed, but not yet what it says it is. */
export function fieldsOf(answer: unknown): Readonly<Record<string, unknown>> {
  return typeof answer === 'object' && answer !== null ? { ...answer } : {}
}

/** Bytes of a field. Throws `ARM_RPC_RESPONSE` where it is no text, and `ARM_HEX` where that is no hex. */
export function hexOf(value: unknown): Uint8Array {
  if (typeof value === 'string') return fromHex(value)
  throw new ArmError('ARM_RPC_RESPONSE', 'the answer lacks a head, certificate, proof or other bytes', DISTRUST)
}

/** Items of a field. Throws `ARM_RPC_RESPONSE` where it is no list. */
export function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  throw new ArmError('ARM_RPC_RESPONSE', 'the answer lacks a list', DISTRUST)
}

/** An integer from 0. Throws `ARM_RPC_RESPONSE` where the field is none. */
export function countOf(value: unknown): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw new ArmError('ARM_RPC_RESPONSE', 'the answer lacks a whole number', DISTRUST)
}

/** An amount in motes. Throws `ARM_RPC_RESPONSE` where the field is none. */
export function motesOf(value: unknown): bigint {
  if (typeof value === 'string' && /^[0-9]{1,39}$/.test(value)) return BigInt(value)
  throw new ArmError('ARM_RPC_RESPONSE', 'the answer lacks an amount in motes', DISTRUST)
}
