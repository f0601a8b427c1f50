import type { NamePattern } from '../reference/name-pattern.ts'
import type { Action } from '../registry/access.ts'

/** Stands for everybody in a rule, those included who have not said who they are. */
export const ANONYMOUS = 'anonymous'
/** Stands for every user in a rule. */
export const EVERY_USER = '*'

/** Lets these users do these things with these repositories. */
export interface Rule {
  readonly users: readonly string[]
  readonly repositories: readonly NamePattern[]
  readonly actions: readonly Action[]
}

/** What is not allowed by a rule is forbidden. Logging in takes nothing away: what nobody in particular may do, all may. */
export class Rules {
  readonly #rules: readonly Rule[]

  constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  /**
   * @param user undefined for somebody who has not said who they are
   * @param names by which rules may call the repository
   */
  allow(user: string | undefined, action: Action, names: readonly string[]): boolean {
    return this.#rules.some(
      ({ users, actions, repositories }) =>
        actions.includes(action) &&
        isAmong(user, users) &&
        repositories.some((pattern) => names.some((name) => pattern.match(name) !== undefined)),
    )
  }

  /**
   * Patterns of what may be pushed but not be pulled by everybody: a first look at rules, by names made up for what
   * wildcards stand for. What holds for a name is said by {@link allow}.
   */
  privatePushes(): readonly string[] {
    const pushed = this.#rules.filter(({ actions }) => actions.includes('push'))
    const texts = pushed.flatMap(({ repositories }) => repositories.map(({ text }) => text))
    const isPublic = (text: string): boolean =>
      ['x0', 'x0/x1', 'x0/x1/x2']
        .map((deep) => text.replaceAll('**', deep).replaceAll('*', 'x0'))
        .every((name) => this.allow(undefined, 'pull', [name]))
    return [...new Set(texts)].filter((text) => !isPublic(text))
  }
}

function isAmong(user: string | undefined, users: readonly string[]): boolean {
  if (users.includes(ANONYMOUS)) return true
  return user !== undefined && (users.includes(user) || users.includes(EVERY_USER))
}
