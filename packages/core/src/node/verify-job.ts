/** What goes to a verifying thread and comes back: transferred, never copied a signature at a time. */
export type VerifyJob =
  /** Signatures with their messages: `data` holds, for item i from `offsets[i]`, key (32), signature (64), message. */
  | { readonly type: 'items'; readonly id: number; readonly data: Uint8Array; readonly offsets: Uint32Array }
  /** Transactions: `data` holds them one after the other, item i from `offsets[i]`. */
  | {
      readonly type: 'transactions'
      readonly id: number
      readonly data: Uint8Array
      readonly offsets: Uint32Array
      readonly domain: Uint8Array
      /** Where the sender's key stands in each. */
      readonly keyOffset: number
    }

export type VerifyResult = {
  readonly id: number
  readonly data: Uint8Array
  readonly offsets: Uint32Array
  /** One byte an item, see `Verdict`. */
  readonly verdicts: Uint8Array
  /** Transactions: 32 bytes each. */
  readonly ids: Uint8Array
  readonly accounts: Uint8Array
}

export const VERDICT_INVALID = 0
export const VERDICT_VALID = 1
/** The key may not own an account: not canonical, or of small or mixed order. */
export const VERDICT_KEY = 2

/** Smallest batch that is worth a thread of its own: what a signature costs falls with the size of its batch. */
export const BATCH_MIN = 128
export const BATCH_MAX = 1024
