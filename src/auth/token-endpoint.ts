import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Action } from '../registry/access.ts'
import { TOKEN_PATH } from './challenge.ts'
import type { Clients } from './client.ts'
import type { Passwords } from './passwords.ts'
import type { Rights } from './rights.ts'
import { CATALOG, type Scope } from './scope.ts'
import { readTokenRequest, type TokenCredentials, type TokenRequest } from './token-request.ts'
import type { Tokens } from './tokens.ts'

/** Answers a request for a token. */
export type ServeToken = (req: IncomingMessage, res: ServerResponse) => Promise<void>

export interface TokenEndpointParts {
  readonly passwords: Passwords
  readonly tokens: Tokens
  readonly rights: Rights
  readonly clients: Clients
}

const ACTIONS: readonly Action[] = ['pull', 'push', 'delete']

export function isTokenRequest(target: string): boolean {
  return target === TOKEN_PATH || target.startsWith(`${TOKEN_PATH}?`)
}

/**
 * The token endpoint (distribution, "Token Authentication Specification"): gives whoever shows a password, or nothing, a
 * token for as much of what is asked for as they may do.
 */
export function createTokenEndpoint(parts: TokenEndpointParts): ServeToken {
  return async (req, res) => {
    const { signal, facts } = exchangeOf(req)
    facts.route = 'token'
    if (req.method !== 'GET' && req.method !== 'POST') res.setHeader('Allow', 'GET, POST')
    // What a refusal has to name (RFC 9110, 15.5.2).
    res.setHeader('WWW-Authenticate', 'Basic realm="ipfs-registry-gateway"')
    const request = await readTokenRequest(req, signal)
    const user = await identify(parts, req, request.credentials, signal)
    res.removeHeader('WWW-Authenticate')
    if (user !== undefined) facts.user = user
    const answer = Buffer.from(JSON.stringify(grant(parts, user, request)))
    exchangeOf(req).answering()
    res.setHeader('Content-Type', 'application/json')
    res.setHeader('Content-Length', answer.length)
    res.setHeader('Cache-Control', 'no-store')
    res.end(answer)
    facts.bytes = answer.length
  }
}

/** @throws Failure UNAUTHORIZED */
async function identify(
  { passwords, tokens, clients }: TokenEndpointParts,
  req: IncomingMessage,
  credentials: TokenCredentials,
  signal: AbortSignal,
): Promise<string | undefined> {
  switch (credentials.kind) {
    case 'nothing':
      return undefined
    case 'password': {
      const { user, password } = credentials
      if (await passwords.areRight(user, password, clients.addressOf(req), signal)) return user
      throw new Failure('UNAUTHORIZED', 'wrong user name or password')
    }
    case 'refresh': {
      const user = tokens.openRefresh(credentials.token, (name) => passwords.hashOf(name))
      if (user !== undefined) return user
      throw new Failure('UNAUTHORIZED', 'the refresh token is no longer good: log in again')
    }
  }
}

/** The answer, with both names that clients look for the token by. */
function grant(
  { passwords, tokens, rights }: TokenEndpointParts,
  user: string | undefined,
  { scopes, namespace, refreshable }: TokenRequest,
): Record<string, unknown> {
  const allowed = scopes.flatMap((scope) => allowedOf(rights, user, scope, namespace))
  const { token, lifetime, issuedAt } = tokens.issue({ user, scopes: allowed })
  const hash = user !== undefined && refreshable ? passwords.hashOf(user) : undefined
  return {
    token,
    access_token: token,
    expires_in: lifetime,
    issued_at: issuedAt,
    ...(user !== undefined && hash !== undefined ? { refresh_token: tokens.issueRefresh(user, hash) } : {}),
  }
}

/** What of a scope may be done; none where that is nothing. */
function allowedOf(
  rights: Rights,
  user: string | undefined,
  { type, name, actions }: Scope,
  namespace: string | undefined,
): readonly Scope[] {
  // What is in the catalog is another question, put each time.
  if (type === CATALOG.type && name === CATALOG.name) return actions.includes('*') ? [CATALOG] : []
  if (type !== 'repository') return []
  const wanted = actions.includes('*') ? ACTIONS : ACTIONS.filter((action) => actions.includes(action))
  const allowed = wanted.filter((action) => rights.allow(user, action, { name, namespace }))
  return allowed.length === 0 ? [] : [{ type, name, actions: allowed }]
}
