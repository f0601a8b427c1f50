import type { Action, NamedRepository } from '../registry/access.ts'
import type { Rules } from './rules.ts'

/** All names by which a rule may mean a repository. */
export type RuleNames = (repository: NamedRepository) => readonly string[]

/** What the rules in force say of repositories as requests name them. */
export class Rights {
  readonly #rules: { readonly value: Rules }
  readonly #namesOf: RuleNames

  /** @param rules its value may change at any time */
  constructor(rules: { readonly value: Rules }, namesOf: RuleNames) {
    this.#rules = rules
    this.#namesOf = namesOf
  }

  /** @param user undefined for somebody who has not said who they are */
  allow(user: string | undefined, action: Action, repository: NamedRepository): boolean {
    return this.#rules.value.allow(user, action, this.#namesOf(repository))
  }
}
