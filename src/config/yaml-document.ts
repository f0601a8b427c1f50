import { isAlias, isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document, YAMLMap } from 'yaml'
import type { SettingMistake } from './mistakes.ts'
import { closest, didYouMean } from './suggestion.ts'
import { messageOf } from '../errors.ts'
import { isTooDeep } from './yaml-depth.ts'

/** A value of a YAML mapping; `where` names its file, line and key. */
export interface YamlEntry {
  readonly where: string
  readonly value: unknown
}

/** A YAML document, read node by node, so that each mistake has its line. */
export class YamlDocument {
  readonly mistakes: SettingMistake[] = []
  readonly where: string
  readonly #lines = new LineCounter()

  constructor(where: string) {
    this.where = where
  }

  /** @returns undefined when the text is no YAML, which `mistakes` then tells */
  parse(text: string): unknown {
    let document: Document
    try {
      if (isTooDeep(text)) throw new Error('it is nested too deep')
      // The library compares each key with all before it; here they are compared by `entries`.
      document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false })
    } catch (error) {
      this.tell(this.where, `is no YAML: ${messageOf(error)}`)
      return undefined
    }
    for (const { pos, message } of document.errors) {
      const hint = message.startsWith('Alias') ? '; a value that begins with * must be in quotes' : ''
      this.tell(`${this.where} line ${this.#lines.linePos(pos[0]).line}`, `is no YAML: ${message}${hint}`)
    }
    return document.errors.length > 0 ? undefined : document.contents
  }

  /** The entries of a YAML mapping that have one of the known keys; others are mistakes, and so are repeated ones. */
  entries<Key extends string>(
    map: YAMLMap,
    known: readonly Key[],
    what: string,
  ): Partial<Record<Key, YamlEntry>> {
    const entries: Partial<Record<Key, YamlEntry>> = {}
    for (const { key, value } of map.items) {
      const name = String(isScalar(key) ? key.value : key)
      const where = `${this.lineOf(key)} ${JSON.stringify(name.slice(0, 100))}`
      const found = known.find((one) => one === name)
      if (found === undefined) {
        const suggestion = didYouMean(closest(name.slice(0, 100), known))
        this.tell(where, `there is no such key in ${what}${suggestion}`)
      } else if (entries[found] !== undefined) {
        this.tell(where, 'is there twice')
      } else {
        entries[found] = { where, value }
      }
    }
    return entries
  }

  /** The text that a value is; undefined, and told, when it is something else. */
  text({ where, value }: YamlEntry): string | undefined {
    if (isScalar(value) && typeof value.value === 'string') return value.value
    this.tell(
      where,
      isAlias(value)
        ? `is an alias of YAML, which is not used here; a value that begins with * must be in quotes: "*${value.source}"`
        : 'must be a text',
    )
    return undefined
  }

  /** `mapping.yaml line 3` */
  lineOf(node: unknown): string {
    const range = isScalar(node) || isMap(node) || isAlias(node) ? node.range : undefined
    return range ? `${this.where} line ${this.#lines.linePos(range[0]).line}` : this.where
  }

  tell(where: string, problem: string): void {
    this.mistakes.push({ where, problem })
  }
}
