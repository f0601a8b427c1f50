import type { Action } from '../registry/access.ts'

/** What a client asks for, and what a token allows (distribution, "Token Scope Documentation"). */
export interface Scope {
  /** `repository`, or `registry` for its catalog. */
  readonly type: string
  readonly name: string
  /** `*` is all of them. */
  readonly actions: readonly string[]
}

export const CATALOG: Scope = { type: 'registry', name: 'catalog', actions: ['*'] }

/** Scopes of one token; with more it would be too long for a header. */
const MOST = 32
/** Names with CIDs are long. */
const LONGEST_NAME = 1024

/** `type[(class)]:name:action,action`, where the name may have a colon. */
const SCOPE = /^([a-z0-9]+)(?:\([a-z0-9]+\))?:(.+):([^:]*)$/

/**
 * Read the `scope` parameters of a request, each of which may hold several with spaces between them. What can't be read
 * is nothing that could be allowed, so it is passed over. What is asked for twice is joined.
 */
export function parseScopes(parameters: readonly string[]): readonly Scope[] {
  const scopes = new Map<string, Omit<Scope, 'actions'> & { readonly actions: Set<string> }>()
  for (const text of parameters.flatMap((one) => one.split(' '))) {
    const [, type, name, list] = SCOPE.exec(text) ?? []
    if (type === undefined || name === undefined || list === undefined || name.length > LONGEST_NAME) continue
    const key = `${type}:${name}`
    const scope = scopes.get(key) ?? { type, name, actions: new Set() }
    if (scopes.size === MOST && !scopes.has(key)) continue
    scopes.set(key, scope)
    for (const action of list.split(',')) if (action !== '') scope.actions.add(action)
  }
  return [...scopes.values()].map((scope) => ({ ...scope, actions: [...scope.actions] }))
}

export function formatScope({ type, name, actions }: Scope): string {
  return `${type}:${name}:${actions.join(',')}`
}

/** What a client needs to do this: who pushes asks first what is there. */
export function scopeFor(action: Action, name: string): Scope {
  return { type: 'repository', name, actions: action === 'pull' ? ['pull'] : ['pull', action] }
}

/** Whether scopes that were granted hold this one. */
export function holds(granted: readonly Scope[], type: string, name: string, action: string): boolean {
  return granted.some((scope) => scope.type === type && scope.name === name && scope.actions.includes(action))
}
