import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Route } from './route.ts'

export type Action = 'pull' | 'push' | 'delete'

/** What a request wants, for whoever decides whether it may. */
export interface Wanted {
  readonly kind: Route['kind']
  /** Of the repository; undefined where the request is about the registry as a whole. */
  readonly name: string | undefined
  readonly action: Action
}

/** Decides who may do what. It is asked before anything is done for a request. */
export interface Access {
  /**
   * Resolves where the client may do it.
   *
   * @param res takes headers of the answer, such as the challenge
   * @throws Failure UNAUTHORIZED, NAME_UNKNOWN, DENIED
   */
  check(req: IncomingMessage, res: ServerResponse, wanted: Wanted): Promise<void>
  /** Whether a client that has passed {@link check} may do something else as well; says nothing to it. */
  allows(req: IncomingMessage, wanted: Wanted): Promise<boolean>
}

export function wantedBy(method: string, route: Route): Wanted {
  const name = 'name' in route ? route.name : undefined
  return { kind: route.kind, name, action: actionOf(method, route) }
}

function actionOf(method: string, { kind }: Route): Action {
  // Whatever is done to an upload is part of a push, looking at it and giving it up too.
  if (kind === 'uploads' || kind === 'upload') return 'push'
  if (method === 'GET' || method === 'HEAD') return 'pull'
  return method === 'DELETE' ? 'delete' : 'push'
}
