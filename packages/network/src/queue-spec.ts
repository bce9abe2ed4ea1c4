/** A bounded queue, as plain data: it crosses threads. */
export type QueueSpec = {
  readonly messagesMax: number
  readonly bytesMax: number
  /** What goes when it is full: the oldest, where only the latest counts; the newest, where order or age does. */
  readonly drop: 'oldest' | 'newest'
  readonly urgency: Urgency
}

/** Whose turn it is, from the most urgent on; a class that waits for long is served before more urgent ones in the end. */
export const URGENCIES = ['votes', 'headers', 'receipts', 'transactions', 'sync'] as const
export type Urgency = (typeof URGENCIES)[number]
