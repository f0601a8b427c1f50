import { isMap, isNode, isSeq } from 'yaml'
import { closest, didYouMean } from '../config/suggestion.ts'
import { isFailure } from '../errors.ts'
import { parseNamePattern } from '../reference/name-pattern.ts'
import type { NamePattern } from '../reference/name-pattern.ts'
import type { MappingOrder } from './mapping.ts'
import { LARGEST_MAPPING, mappingInvalid, tooLarge } from './mapping-text.ts'
import { parseTarget } from './mapping-target.ts'
import type { MappingTarget } from './mapping-target.ts'
import { Rules } from './rules.ts'
import type { Rule } from './rules.ts'
import { YamlDocument } from '../config/yaml-document.ts'
import type { YamlEntry } from '../config/yaml-document.ts'

const MOST_RULES = 10_000
const ORDERS: readonly MappingOrder[] = ['ipfs-first', 'upstream-first', 'ipfs-only']
/** Stands for a name that is wrong, so that what else is wrong with its rule is told as well. */
const ANY_NAME = parseNamePattern(Array(9).fill('*').join('/'))
const RULE_KEYS = ['name', 'ipfs', 'order', 'sources'] as const

export interface MappingFileOptions {
  /** Path of the mapping, for messages. */
  readonly where: string
  /** Names and kinds of all sources that a rule may name, `dns` among them where DNSLinks are looked up. */
  readonly sources: readonly string[]
}

/**
 * Read a mapping of names (docs/MAPPING.md).
 *
 * @throws Failure SETTINGS_INVALID that lists all mistakes, each with its line
 */
export function parseMapping(text: string, options: MappingFileOptions): Rules {
  const { where } = options
  if (Buffer.byteLength(text) > LARGEST_MAPPING) throw tooLarge(where)
  const document = new YamlDocument(where)
  const rules = readRules(document, text, options)
  if (document.mistakes.length > 0) throw mappingInvalid(where, document.mistakes)
  return new Rules(rules)
}

function readRules(document: YamlDocument, text: string, options: MappingFileOptions): Rule[] {
  const contents = document.parse(text)
  if (contents === undefined) return []
  if (!isMap(contents)) {
    document.tell(options.where, 'must be a mapping with the key "names"')
    return []
  }
  const { names } = document.entries(contents, ['names'], 'a mapping')
  if (names === undefined) {
    document.tell(options.where, 'has no "names"')
    return []
  }
  if (!isSeq(names.value)) {
    document.tell(names.where, 'must be a list of rules')
    return []
  }
  const { items } = names.value
  if (items.length > MOST_RULES) {
    document.tell(names.where, `has ${items.length} rules; ${MOST_RULES} are allowed`)
    return []
  }
  const reader = new RuleReader(document, options.sources)
  return items.map((item) => reader.read(item)).filter((rule) => rule !== undefined)
}

/** Reads rules one after the other, and tells their mistakes to the document. */
class RuleReader {
  readonly #document: YamlDocument
  readonly #sources: readonly string[]
  /** Where each pattern is. */
  readonly #seen = new Map<string, string>()

  constructor(document: YamlDocument, sources: readonly string[]) {
    this.#document = document
    this.#sources = sources
  }

  /** @returns undefined for a rule with a mistake */
  read(node: unknown): Rule | undefined {
    const where = this.#document.lineOf(node)
    if (!isMap(node)) {
      this.#document.tell(where, 'a rule must have the keys "name" and "ipfs"')
      return undefined
    }
    const { name, ipfs, order, sources } = this.#document.entries(node, RULE_KEYS, 'a rule')
    for (const [key, entry] of Object.entries({ name, ipfs })) {
      if (entry === undefined) this.#document.tell(where, `the rule has no "${key}"`)
    }
    const pattern = name && this.#pattern(name)
    const read = {
      target: ipfs && this.#target(ipfs, pattern ?? ANY_NAME),
      order: order === undefined ? 'ipfs-first' : this.#order(order),
      sources: sources && this.#sourceNames(sources),
    }
    if (pattern === undefined || read.target === undefined || read.order === undefined) return undefined
    return { pattern, target: read.target, order: read.order, sources: read.sources }
  }

  #pattern(entry: YamlEntry): NamePattern | undefined {
    const text = this.#document.text(entry)
    const pattern = text === undefined ? undefined : this.#attempt(entry, () => parseNamePattern(text))
    if (pattern === undefined) return undefined
    const earlier = this.#seen.get(pattern.text)
    if (earlier !== undefined) this.#document.tell(entry.where, `is the name of a rule already: ${earlier}`)
    else this.#seen.set(pattern.text, entry.where)
    return pattern
  }

  #target(entry: YamlEntry, pattern: NamePattern): MappingTarget | undefined {
    const text = this.#document.text(entry)
    return text === undefined ? undefined : this.#attempt(entry, () => parseTarget(text, pattern))
  }

  #order(entry: YamlEntry): MappingOrder | undefined {
    const text = this.#document.text(entry)
    const order = ORDERS.find((one) => one === text)
    if (text !== undefined && order === undefined) this.#tellUnknown(entry.where, text, 'order', ORDERS)
    return order
  }

  #sourceNames({ where, value }: YamlEntry): string[] | undefined {
    if (!isSeq(value) || value.items.length === 0) {
      this.#document.tell(where, 'must be a list of sources; without the key all of them may be asked')
      return undefined
    }
    const names: string[] = []
    for (const item of value.items) {
      const at = isNode(item) ? `${this.#document.lineOf(item)} "sources"` : where
      const name = this.#document.text({ where: at, value: item })
      if (name === undefined) continue
      if (this.#sources.includes(name)) names.push(name)
      else this.#tellUnknown(at, name, 'source', this.#sources)
    }
    return names
  }

  #tellUnknown(where: string, text: string, what: string, known: readonly string[]): void {
    const word = text.slice(0, 100)
    const suggestion = didYouMean(closest(word, known)) || `; there are ${known.join(', ')}`
    this.#document.tell(where, `there is no ${what} ${JSON.stringify(word)}${suggestion}`)
  }

  #attempt<T>(entry: YamlEntry, parse: () => T): T | undefined {
    try {
      return parse()
    } catch (error) {
      if (!isFailure(error)) throw error
      this.#document.tell(entry.where, error.message)
      return undefined
    }
  }
}
