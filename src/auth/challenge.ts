import { formatScope, type Scope } from './scope.ts'

/** Path of the token endpoint. It is below /v2/, so that whatever leads to the registry leads to it; no repository is there. */
export const TOKEN_PATH = '/v2/token'

export interface Challenge {
  /** Where the client has come to: `https://registry.example.org`. */
  readonly origin: string
  readonly service: string
  /** Undefined where any token will do. */
  readonly scope: Scope | undefined
  /** Registry that a mirror is asked for. */
  readonly namespace: string | undefined
  /** What is wrong with the token that was shown (RFC 6750, 3.1); undefined where none was. */
  readonly error?: 'invalid_token' | 'insufficient_scope' | undefined
}

/** What a name may have in a header; one that has more is that of no repository. */
const NAME = /^[\w./:-]{1,1024}$/

/**
 * `WWW-Authenticate` that sends a client for a token. It is the only challenge: a docker that has no password gives up
 * at a second one for `Basic`, where it would get a token for nobody. Passwords are taken all the same.
 */
export function formatChallenge({ origin, service, scope, namespace, error }: Challenge): string {
  const query = namespace === undefined ? '' : `?ns=${encodeURIComponent(namespace)}`
  const parameters = [
    ['realm', origin + TOKEN_PATH + query],
    ['service', service],
    ['scope', scope !== undefined && NAME.test(scope.name) ? formatScope(scope) : undefined],
    ['error', error],
  ]
  const parts = parameters
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}="${value}"`)
  return `Bearer ${parts.join(',')}`
}
