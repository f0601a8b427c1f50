import { Failure } from '../../errors.ts'
import { OperatorNote } from '../operator-note.ts'

/** Who a credential is read for. */
export interface CredentialAsker {
  /** `host[:port]` of the registry, by which docker's files and helpers know it. */
  readonly host: string
  /** Environment of credential helpers, with the PATH they are on. Default: that of this process. */
  readonly environment?: Readonly<Record<string, string>>
}

/** @param why for the operator, with no secret in it */
export function unreadable(
  { host }: CredentialAsker,
  why: string,
  fields: Readonly<Record<string, string>>,
): Failure {
  const message = `the credentials for ${host} can't be read`
  const cause = new OperatorNote(`${message}: ${why}`, fields)
  return new Failure('CONTENT_UNAVAILABLE', message, { cause })
}
