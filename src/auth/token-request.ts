import type { IncomingMessage } from 'node:http'
import { Failure } from '../errors.ts'
import { readAuthorization } from './credentials.ts'
import { parseScopes, type Scope } from './scope.ts'

/** Who wants a token. */
export type TokenCredentials =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'refresh'; readonly token: string }

/** A request for a token, in either form (distribution, "Token Authentication" and "OAuth2 Token Authentication"). */
export interface TokenRequest {
  readonly credentials: TokenCredentials
  readonly scopes: readonly Scope[]
  /** Registry that a mirror is asked for. */
  readonly namespace: string | undefined
  /** Whether a refresh token is wanted. */
  readonly refreshable: boolean
}

/** Bytes of a form. */
const LARGEST = 64 * 1024

/** @throws Failure UNAUTHORIZED, UNSUPPORTED, REQUEST_INVALID; the signal's reason */
export async function readTokenRequest(req: IncomingMessage, signal: AbortSignal): Promise<TokenRequest> {
  const query = new URLSearchParams(/\?(.*)$/s.exec(req.url ?? '')?.[1])
  const namespace = query.get('ns') ?? undefined
  if (req.method === 'POST') return { ...readForm(await readBody(req, signal)), namespace }
  if (req.method !== 'GET') throw new Failure('UNSUPPORTED', 'a token is asked for by GET or POST')
  const shown = readAuthorization(req.headers.authorization)
  if (shown.kind === 'token' || shown.kind === 'unreadable')
    throw new Failure('UNAUTHORIZED', 'a token is given for a user name and a password, or for nothing')
  // `offline_token` is not heard: docker would keep a refresh token in place of the password it was given, and the
  // kubelet, which reads the same file, knows nothing of those.
  return { credentials: shown, scopes: parseScopes(query.getAll('scope')), namespace, refreshable: false }
}

function readForm(form: URLSearchParams): Omit<TokenRequest, 'namespace'> {
  return {
    credentials: readGrant(form),
    scopes: parseScopes(form.getAll('scope')),
    refreshable: form.get('access_type') === 'offline',
  }
}

function readGrant(form: URLSearchParams): TokenCredentials {
  const text = (name: string): string => {
    const value = form.get(name)
    if (value === null || value === '') throw new Failure('REQUEST_INVALID', `the form has no "${name}"`)
    return value
  }
  switch (text('grant_type')) {
    case 'password': {
      const [user, password] = [text('username'), text('password')]
      if (password.includes('\0')) throw new Failure('UNAUTHORIZED', 'wrong user name or password')
      return { kind: 'password', user, password }
    }
    case 'refresh_token':
      return { kind: 'refresh', token: text('refresh_token') }
    default:
      throw new Failure('REQUEST_INVALID', 'the grant_type must be password or refresh_token')
  }
}

async function readBody(req: IncomingMessage, signal: AbortSignal): Promise<URLSearchParams> {
  const pieces: Buffer[] = []
  let size = 0
  try {
    for await (const piece of req as AsyncIterable<Buffer>) {
      signal.throwIfAborted()
      size += piece.length
      if (size > LARGEST) throw new Failure('REQUEST_INVALID', `the form has more than ${LARGEST} bytes`)
      pieces.push(piece)
    }
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('CONTENT_UNAVAILABLE', 'the client has left', { cause: error })
  }
  return new URLSearchParams(Buffer.concat(pieces).toString())
}
