import { ArmError } from '@armchain/core'

/** With the reasons that every adapter gives: see ARM_NETWORK in `docs/errors.md`. */
export function networkError(
  reason:
    | 'closed'
    | 'too-large'
    | 'not-open'
    | 'not-reached'
    | 'banned'
    | 'address'
    | 'no-answer'
    | 'timeout'
    | 'aborted',
  message: string,
): ArmError<'ARM_NETWORK'> {
  return new ArmError('ARM_NETWORK', message, { reason })
}
