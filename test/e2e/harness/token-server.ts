import { createPrivateKey, randomUUID, sign } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { makeCertificate } from '../../fixtures/certificate.ts'
import { USER } from './registry.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** One request for a token. */
export interface TokenRequest {
  readonly method: string
  readonly scopes: readonly string[]
  readonly service: string | undefined
  /** Who it was for; undefined: nobody. */
  readonly user: string | undefined
  /** The `Authorization` header. */
  readonly authorization: string | undefined
  readonly status: number
}

/** What the registries' `auth.token` settings say. */
export interface TokenSettings {
  readonly realm: string
  readonly service: string
  readonly issuer: string
  /** Path of the certificate whose key signs, PEM. */
  readonly rootcertbundle: string
}

/** Seconds until a token ends. */
const LIFETIME = 300
const SERVICE = 'registry.e2e'
const ISSUER = 'token-server.e2e'

/**
 * Gives bearer tokens to a registry's clients, as distribution's specification of token authentication has it: JWTs
 * signed with ES256, which the registry checks for itself. {@link USER} may do everything, whoever says nothing may
 * pull from `public/…`, and anyone else gets nothing. An identity token is taken in place of a password.
 */
export class TokenServer {
  readonly requests: TokenRequest[] = []
  readonly settings: TokenSettings
  readonly identityToken = `identity-${randomUUID()}`
  readonly #server: Server
  #key: KeyObject | undefined
  /** DER in base64, as a JWT's header has it. */
  #certificate = ''

  private constructor(server: Server, bundle: string) {
    this.#server = server
    const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`
    this.settings = { realm, service: SERVICE, issuer: ISSUER, rootcertbundle: bundle }
  }

  static async start(teardown: Teardown): Promise<TokenServer> {
    const bundle = join(await tempFolder(teardown, 'tokens'), 'bundle.pem')
    const server = createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const tokens = new TokenServer(server, bundle)
    await tokens.changeKey()
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      tokens.#answer(request, response).catch(() => response.destroy())
    })
    teardown.defer(() => tokens.stop())
    return tokens
  }

  /** Sign with a new key, which a registry learns of when it starts again; it takes no older tokens then. */
  async changeKey(): Promise<void> {
    const { cert, key } = makeCertificate(ISSUER)
    await writeFile(this.settings.rootcertbundle, cert)
    this.#key = createPrivateKey(key)
    this.#certificate = cert.replaceAll(/-----.*-----|\n/g, '')
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '', this.settings.realm)
    const given = request.method === 'POST' ? new URLSearchParams(await text(request)) : url.searchParams
    const { authorization } = request.headers
    // A form joins scopes by spaces, a query repeats them.
    const scopes = given.getAll('scope').flatMap((scope) => scope.split(' '))
    const user = this.#userOf(given, authorization)
    const right = url.pathname === '/token' && given.get('service') === SERVICE
    const status = !right ? 400 : user === false ? 401 : 200
    this.requests.push({
      method: request.method ?? '',
      scopes,
      service: given.get('service') ?? undefined,
      user: user === false ? undefined : user,
      authorization,
      status,
    })
    const token = this.#sign(user === false ? undefined : user, scopes)
    response.writeHead(status, { 'content-type': 'application/json' })
    response.end(
      JSON.stringify(
        status === 200
          ? {
              token,
              access_token: token,
              expires_in: LIFETIME,
              issued_at: new Date().toISOString(),
            }
          : { errors: [{ code: 'UNAUTHORIZED', message: 'no token for you' }] },
      ),
    )
  }

  /** Undefined for nobody, false for somebody who is not who he says. */
  #userOf(given: URLSearchParams, authorization: string | undefined): string | undefined | false {
    const { username, password } = USER
    switch (given.get('grant_type')) {
      case 'refresh_token':
        return given.get('refresh_token') === this.identityToken ? username : false
      case 'password':
        return given.get('username') === username && given.get('password') === password ? username : false
      default:
        if (authorization === undefined) return undefined
        return authorization === basic(username, password) ? username : false
    }
  }

  #sign(user: string | undefined, scopes: readonly string[]): string {
    const now = Math.floor(Date.now() / 1000)
    const access = scopes
      .map((scope) => scope.split(':'))
      .map(([type = '', name = '', actions = '']) => ({
        type,
        name,
        actions: actions
          .split(',')
          .filter((action) => user !== undefined || (action === 'pull' && name.startsWith('public/'))),
      }))
    const claims = {
      iss: ISSUER,
      sub: user ?? '',
      aud: SERVICE,
      iat: now,
      nbf: now - 10,
      exp: now + LIFETIME,
      jti: randomUUID(),
      access,
    }
    const header = { typ: 'JWT', alg: 'ES256', x5c: [this.#certificate] }
    const signed = [header, claims]
      .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
      .join('.')
    if (this.#key === undefined) throw new Error('no key yet')
    const signature = sign('sha256', Buffer.from(signed), { key: this.#key, dsaEncoding: 'ieee-p1363' })
    return `${signed}.${signature.toString('base64url')}`
  }
}

/** The header of Basic authentication (RFC 7617). */
export function basic(username: string, password: string): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`
}
