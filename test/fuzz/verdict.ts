import type { ErrorCode } from '../../src/errors.ts'
import { Failure, isFailure } from '../../src/errors.ts'

/**
 * What `call` gives, or the failure that it says no with.
 *
 * @param codes that it may say no with
 * @throws everything else that `call` throws: that is a defect
 */
export function attempt<T>(call: () => T, ...codes: ErrorCode[]): T | Failure {
  try {
    return call()
  } catch (error) {
    if (isFailure(error, ...codes)) return error
    throw defect(error)
  }
}

/** {@link attempt} of what takes time. */
export async function attemptLater<T>(call: () => Promise<T>, ...codes: ErrorCode[]): Promise<T | Failure> {
  try {
    return await call()
  } catch (error) {
    if (isFailure(error, ...codes)) return error
    throw defect(error)
  }
}

export function refused(outcome: unknown): outcome is Failure {
  return outcome instanceof Failure
}

function defect(error: unknown): Error {
  const what = error instanceof Failure ? `refuses with ${error.code}` : 'throws what is no Failure'
  return new Error(`${what}: ${String(error)}`, { cause: error })
}
