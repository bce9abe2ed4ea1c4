import { ArmError } from '@armchain/core'

/** Why the network could not do what was asked. Append-only. */
export type NetworkReason =
  | 'closed'
  | 'too-large'
  | 'not-open'
  | 'not-reached'
  | 'banned'
  | 'address'
  | 'no-answer'
  | 'timeout'
  | 'aborted'
  | 'busy'
  | 'crashed'

export function networkError(
  reason: NetworkReason,
  message: string,
  data: Readonly<Record<string, unknown>> = {},
  cause?: unknown,
): ArmError<'ARM_NETWORK'> {
  return new ArmError('ARM_NETWORK', message, { reason, ...data }, cause === undefined ? {} : { cause })
}
