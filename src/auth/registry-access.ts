import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Access, Action, NamedRepository, Principal } from '../registry/access.ts'
import { formatChallenge, type Challenge } from './challenge.ts'
import type { Clients } from './client.ts'
import { readAuthorization } from './credentials.ts'
import type { Passwords } from './passwords.ts'
import type { Rights } from './rights.ts'
import { CATALOG, holds, scopeFor, type Scope } from './scope.ts'
import type { Tokens } from './tokens.ts'

export interface RegistryAccessParts {
  readonly passwords: Passwords
  readonly tokens: Tokens
  readonly rights: Rights
  readonly clients: Clients
}

/** Who asked. */
interface Known {
  readonly user: string | undefined
  /** Of the token; undefined for a password, which is good for all that its user may do. */
  readonly scopes: readonly Scope[] | undefined
}

type Refuse = (message: string, error?: Challenge['error']) => Failure

/**
 * Access for users with passwords and for tokens. A token lets do what it holds and the rules still allow: it narrows
 * what its user may do, so a rule that is taken away is so at once.
 */
export class RegistryAccess implements Access {
  readonly #parts: RegistryAccessParts

  constructor(parts: RegistryAccessParts) {
    this.#parts = parts
  }

  async identify(req: IncomingMessage, res: ServerResponse, signal: AbortSignal): Promise<Principal> {
    return this.#principal(await this.#know(req, this.#refusal(req, res, undefined, undefined), signal))
  }

  async check(
    req: IncomingMessage,
    res: ServerResponse,
    wanted: NamedRepository & { readonly action: Action },
    signal: AbortSignal,
  ): Promise<Principal> {
    const { action, name } = wanted
    const refuse = this.#refusal(req, res, scopeFor(action, name), wanted.namespace)
    const known = await this.#know(req, refuse, signal)
    if (!this.#parts.rights.allow(known.user, action, wanted)) throw forbidden(known.user, wanted, refuse)
    if (!isInScope(known, 'repository', name, action))
      throw refuse(`the token is not good for a ${action} of "${name}"`, 'insufficient_scope')
    return this.#principal(known)
  }

  async checkCatalog(req: IncomingMessage, res: ServerResponse, signal: AbortSignal): Promise<Principal> {
    const refuse = this.#refusal(req, res, CATALOG, undefined)
    const known = await this.#know(req, refuse, signal)
    if (!isInScope(known, CATALOG.type, CATALOG.name, '*'))
      throw refuse('the token is not good for the list of repositories', 'insufficient_scope')
    // The token is for the list; the rules say what is in it.
    return this.#principal({ ...known, scopes: undefined })
  }

  isPrivate(repository: NamedRepository): boolean {
    return !this.#parts.rights.allow(undefined, 'pull', repository)
  }

  /** @throws Failure UNAUTHORIZED */
  async #know(req: IncomingMessage, refuse: Refuse, signal: AbortSignal): Promise<Known> {
    const { passwords, tokens, clients } = this.#parts
    const shown = readAuthorization(req.headers.authorization)
    switch (shown.kind) {
      case 'nothing':
        throw refuse('authentication required')
      case 'unreadable':
        throw refuse('the Authorization header is neither Basic nor Bearer')
      case 'password': {
        const { user, password } = shown
        if (await passwords.areRight(user, password, clients.addressOf(req), signal))
          return { user, scopes: undefined }
        throw refuse('wrong user name or password')
      }
      case 'token': {
        const grant = tokens.open(shown.token)
        if (grant !== undefined) return grant
        throw refuse('the token is no longer good, or none of this gateway', 'invalid_token')
      }
    }
  }

  #principal(known: Known): Principal {
    return {
      user: known.user,
      may: (action, repository) =>
        isInScope(known, 'repository', repository.name, action) &&
        this.#parts.rights.allow(known.user, action, repository),
    }
  }

  /** Makes the failure that sends the client for a token. */
  #refusal(
    req: IncomingMessage,
    res: ServerResponse,
    scope: Scope | undefined,
    namespace: string | undefined,
  ): Refuse {
    return (message, error) => {
      const { clients, tokens } = this.#parts
      const challenge = { origin: clients.originOf(req), service: tokens.service, scope, namespace, error }
      res.setHeader('WWW-Authenticate', formatChallenge(challenge))
      return new Failure('UNAUTHORIZED', message)
    }
  }
}

function isInScope({ scopes }: Known, type: string, name: string, action: string): boolean {
  return scopes === undefined || holds(scopes, type, name, action)
}

/** What may not be pulled is as if it were not there; else the name of no repository is told by refusing. */
function forbidden(
  user: string | undefined,
  { action, name }: NamedRepository & { readonly action: Action },
  refuse: Refuse,
): Failure {
  const shown = name.slice(0, 256)
  if (action === 'pull')
    return new Failure(
      'NAME_UNKNOWN',
      `there is no repository "${shown}", or it may not be pulled by ${user ?? 'everybody'}`,
    )
  if (user === undefined) return refuse(`a ${action} needs a login`, 'insufficient_scope')
  return new Failure('DENIED', `the rules of this gateway do not let ${user} ${action} "${shown}"`)
}
