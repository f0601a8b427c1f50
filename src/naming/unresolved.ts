import { Failure, isFailure, messageOf } from '../errors.ts'

/** What stopped a look-up, as a failure of the name: NAME_UNRESOLVED, or CONTENT_INVALID where wrong bytes came. */
export function unresolved(error: unknown): Failure {
  if (isFailure(error, 'NAME_UNRESOLVED', 'CONTENT_INVALID')) return error
  if (isFailure(error, 'CONTENT_TOO_LARGE'))
    return new Failure('CONTENT_INVALID', error.message, { cause: error })
  const retryAfter = isFailure(error) ? error.retryAfter : undefined
  return new Failure('NAME_UNRESOLVED', messageOf(error), {
    cause: error,
    ...(retryAfter !== undefined && { retryAfter }),
  })
}
