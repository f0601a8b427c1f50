import { Failure, messageOf, type ErrorCode } from '../errors.ts'

const REASON: Readonly<Record<string, string>> = {
  ENOENT: 'does not exist',
  EACCES: "can't be read: this user has no permission to",
  EPERM: "can't be read: this user has no permission to",
}

/** What to say of a file or folder that the system gives an error for. */
export function unreadable(path: string, error: unknown, failure: ErrorCode = 'LAYOUT_INVALID'): Failure {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? ''
  const reason = REASON[code] ?? `can't be read: ${messageOf(error)}`
  return new Failure(failure, `${path} ${reason}`, { cause: error })
}
