import { type Answer, ask, headerOf } from '../../content/transport/exchange.ts'
import { retryAfter } from '../../content/transport/refusal.ts'
import { Failure } from '../../errors.ts'
import { parseJsonObject, stringOf, type JsonObject } from '../../layout/json-object.ts'
import { denied } from '../refusal.ts'
import type { Credential } from './credentials.ts'
import type { TokenServer } from './token-server.ts'

/** Seconds that a token lives whose server does not say (distribution, "Token Authentication Specification"). */
const LIFETIME = 60

/** Bytes of a token server's answer. */
const MAX_ANSWER = 256 * 1024

/** Statuses of token servers that know no POST: GCR 404, Artifactory 401, ACR 400. */
const NO_POST = new Set([400, 401, 404, 405])

const CLIENT = 'ipfs-registry-gateway'

export interface TokenQuestion {
  readonly service: string | undefined
  readonly scope: string
  /** What the token is for, for messages. */
  readonly repository: string
  readonly credential: Credential | undefined
  readonly signal: AbortSignal
}

export interface IssuedToken {
  readonly token: string
  /** ms that it is valid from now on. */
  readonly lifetime: number
}

/**
 * Fetch a token: by POST for an identity token (distribution, "OAuth2 Token Authentication"), else by GET.
 *
 * @throws Failure UPSTREAM_DENIED, UPSTREAM_LIMITED, CONTENT_UNAVAILABLE, CONTENT_TIMEOUT
 */
export async function requestToken(server: TokenServer, question: TokenQuestion): Promise<IssuedToken> {
  const { credential } = question
  if (credential?.kind === 'identity-token') {
    const answer = await post(server, question, credential.token)
    if (!NO_POST.has(answer.status)) return issued(server, question, answer)
    answer.body.drain()
  }
  return issued(server, question, await get(server, question))
}

function get(server: TokenServer, { service, scope, credential, signal }: TokenQuestion): Promise<Answer> {
  const query = String(new URLSearchParams(service === undefined ? { scope } : { service, scope }))
  const separator = server.path.includes('?') ? '&' : '?'
  const headers: Record<string, string> =
    credential === undefined ? {} : { authorization: basicOf(credential) }
  return ask(server.endpoint, { method: 'GET', path: server.path + separator + query, headers, signal })
}

function post(
  server: TokenServer,
  { service, scope, signal }: TokenQuestion,
  refreshToken: string,
): Promise<Answer> {
  const form = new URLSearchParams({
    grant_type: 'refresh_token',
    ...(service === undefined ? {} : { service }),
    scope,
    client_id: CLIENT,
    refresh_token: refreshToken,
  })
  const headers = { 'content-type': 'application/x-www-form-urlencoded' }
  return ask(server.endpoint, { method: 'POST', path: server.path, headers, body: String(form), signal })
}

/** `Authorization: Basic` (RFC 7617), an identity token in place of the password. */
export function basicOf(credential: Credential): string {
  const secret = credential.kind === 'password' ? credential.password : credential.token
  return `Basic ${Buffer.from(`${credential.username}:${secret}`).toString('base64')}`
}

async function issued(server: TokenServer, question: TokenQuestion, answer: Answer): Promise<IssuedToken> {
  const { endpoint, access } = server
  const { repository, credential } = question
  const { status } = answer
  access.events.answered('token', status)
  if (status === 401 || status === 403) {
    const shown = { credential, authorization: credential && basicOf(credential) }
    throw await denied(access.name, repository, answer, { by: endpoint.name, shown })
  }
  if (status === 429) {
    answer.body.drain()
    throw access.pause.begin(retryAfter(answer))
  }
  if (status !== 200) {
    answer.body.drain()
    throw unavailable(server, `answers ${status}`)
  }
  const document = parseJsonObject(await answer.body.readAll(MAX_ANSWER))
  const token = stringOf(document?.['token']) || stringOf(document?.['access_token']) || ''
  // What is no header value would be an error of HTTP that shows it.
  if (document === undefined || !/^[\x21-\x7e]+$/.test(token))
    throw unavailable(server, 'answers with no token')
  return { token, lifetime: lifetimeOf(document, answer) }
}

/** By the server's own clock, since ours may be another. */
function lifetimeOf(document: JsonObject, answer: Answer): number {
  const stated = Number(document['expires_in'])
  const lifetime = (stated > 0 ? stated : LIFETIME) * 1000
  const issuedAt = Date.parse(stringOf(document['issued_at']) ?? '')
  const date = Date.parse(headerOf(answer, 'date'))
  const age = (Number.isNaN(date) ? Date.now() : date) - issuedAt
  // Some servers give the year 1: what has come only now has not ended.
  return age > 0 && age < lifetime ? lifetime - age : lifetime
}

function unavailable({ endpoint }: TokenServer, what: string): Failure {
  return new Failure('CONTENT_UNAVAILABLE', `${endpoint.name} ${what}`)
}
