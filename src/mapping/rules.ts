import type { NamePattern } from '../reference/name-pattern.ts'
import type { MappedName, Mapping, MappingOrder } from './mapping.ts'
import type { MappingTarget } from './mapping-target.ts'

/** One entry of a mapping. */
export interface Rule {
  readonly pattern: NamePattern
  readonly target: MappingTarget
  readonly order: MappingOrder
  readonly sources: readonly string[] | undefined
}

interface PlacedRule extends Rule {
  /** The lower one of two that match wins. */
  readonly place: number
}

/** Rules in their order, the first that matches a name being the one about it. */
export class Rules implements Mapping {
  /** Number of rules. */
  readonly size: number
  readonly #exact = new Map<string, PlacedRule>()
  readonly #globs: PlacedRule[] = []

  constructor(rules: readonly Rule[]) {
    this.size = rules.length
    for (const [place, rule] of rules.entries()) {
      const { text, wildcards } = rule.pattern
      if (wildcards > 0) this.#globs.push({ ...rule, place })
      else if (!this.#exact.has(text)) this.#exact.set(text, { ...rule, place })
    }
  }

  find(name: string): MappedName | undefined {
    const exact = this.#exact.get(name)
    for (const rule of this.#globs) {
      if (exact !== undefined && exact.place < rule.place) break
      const captures = rule.pattern.match(name)
      if (captures !== undefined) return mapped(rule, captures)
    }
    return exact && mapped(exact, [])
  }
}

function mapped({ pattern, target, order, sources }: Rule, captures: readonly string[]): MappedName {
  return { path: target(captures), order, sources, rule: pattern.text }
}
