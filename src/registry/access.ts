import type { IncomingMessage, ServerResponse } from 'node:http'
import { exchangeOf } from '../http/exchange.ts'
import type { Route } from './route.ts'

/** What may be done with a repository. */
export type Action = 'pull' | 'push' | 'delete'

/** A repository as a request names it. */
export interface NamedRepository {
  /** As in the request, not judged yet. */
  readonly name: string
  /** Registry that a mirror is asked for; undefined where this gateway itself is asked. */
  readonly namespace: string | undefined
}

/** Whoever sent a request, with what they may do in it. */
export interface Principal {
  /** Undefined for somebody who has not said who they are. */
  readonly user: string | undefined
  /** Whether they may, as for the repository that a blob is mounted from, or for each line of a list. */
  may(action: Action, repository: NamedRepository): boolean
}

/** Who may do what. Each check sets the headers of its refusal on `res`. */
export interface Access {
  /**
   * `GET /v2/`, from which clients learn how to say who they are.
   *
   * @throws Failure UNAUTHORIZED for whoever has not said who they are
   */
  identify(req: IncomingMessage, res: ServerResponse, signal: AbortSignal): Promise<Principal>
  /**
   * @throws Failure UNAUTHORIZED for whoever has not said who they are, or could be allowed it by saying so again;
   *   NAME_UNKNOWN for a repository that may not be pulled, whether it is there or not; DENIED
   */
  check(
    req: IncomingMessage,
    res: ServerResponse,
    wanted: NamedRepository & { readonly action: Action },
    signal: AbortSignal,
  ): Promise<Principal>
  /** The list of repositories, in which each may see what they may pull. @throws Failure UNAUTHORIZED */
  checkCatalog(req: IncomingMessage, res: ServerResponse, signal: AbortSignal): Promise<Principal>
  /** Whether one has to say who one is to pull it. */
  isPrivate(repository: NamedRepository): boolean
}

/**
 * Let a request pass that may do what it asks for.
 *
 * @param access undefined where everybody may do everything
 * @returns undefined where everybody may do everything
 * @throws Failure as {@link Access} has it
 */
export async function authorize(
  access: Access | undefined,
  req: IncomingMessage,
  res: ServerResponse,
  route: Route,
  namespace: string | undefined,
): Promise<Principal | undefined> {
  if (access === undefined) return undefined
  const { signal, facts } = exchangeOf(req)
  const check = (): Promise<Principal> => {
    if (route.kind === 'ping') return access.identify(req, res, signal)
    if (route.kind === 'catalog') return access.checkCatalog(req, res, signal)
    const action = actionOf(req.method ?? '', route)
    return access.check(req, res, { action, name: route.name, namespace }, signal)
  }
  const principal = await check()
  if (principal.user !== undefined) facts.user = principal.user
  return principal
}

/** Everything about an upload is part of the push, also its end and asking how far it has come. */
export function actionOf(method: string, { kind }: Route): Action {
  if (kind === 'uploads' || kind === 'upload') return 'push'
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'push'
}
