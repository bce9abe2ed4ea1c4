import { ArmError, isArmError } from '@armchain/core/errors'

/** A file of the index does not hold what was written: nothing of the index can be trusted to be complete. */
export function damagedIndex(file: string, what: string, cause?: unknown): ArmError {
  const hint = 'check the disk, then restart: the index is made anew from the blocks'
  const message = `the index of transactions is damaged: ${file}: ${what}; a restart makes it anew`
  return new ArmError('ARM_STORE', message, { file, damaged: true, hint }, { cause })
}

export function isDamage(error: unknown): error is ArmError {
  return isArmError(error) && error.data.damaged === true
}
