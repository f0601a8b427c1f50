import { LRUCache } from 'lru-cache'
import type { Action, NamedRepository } from '../registry/access.ts'
import type { Rules } from './rules.ts'

/** All names by which a rule may mean a repository. */
export type RuleNames = (repository: NamedRepository) => readonly string[]

/** Repositories whose names are remembered: a pull asks many times about one. */
const REMEMBERED = 1_000
/** Characters of one that is. */
const LONGEST = 1_500

/** What the rules in force say of repositories as requests name them. */
export class Rights {
  readonly #rules: { readonly value: Rules }
  readonly #namesOf: RuleNames
  readonly #names = new LRUCache<string, readonly string[]>({ max: REMEMBERED })

  /** @param rules its value may change at any time */
  constructor(rules: { readonly value: Rules }, namesOf: RuleNames) {
    this.#rules = rules
    this.#namesOf = namesOf
  }

  /** @param user undefined for somebody who has not said who they are */
  allow(user: string | undefined, action: Action, repository: NamedRepository): boolean {
    return this.#rules.value.allow(user, action, this.#remembered(repository))
  }

  #remembered(repository: NamedRepository): readonly string[] {
    const key = JSON.stringify([repository.name, repository.namespace])
    const known = this.#names.get(key)
    if (known !== undefined) return known
    const names = this.#namesOf(repository)
    if (key.length <= LONGEST) this.#names.set(key, names)
    return names
  }
}
