import { isDeepStrictEqual } from 'node:util'
import { parse, TomlError } from 'smol-toml'
import { linesOf, withLines, withoutMark } from './text-lines.ts'
import { unchanged } from './unchanged.ts'

// TOML is changed line by line, so that comments and everything else stay as they are; a parser then says whether it
// means what it should.

export type TomlTable = Record<string, unknown>

/** @throws Failure RUNTIME_UNCHANGED */
export function parseToml(path: string, text: string): TomlTable {
  try {
    return parse(withoutMark(text))
  } catch (error) {
    if (!(error instanceof TomlError)) throw error
    throw unchanged(path, `is no TOML: ${error.message.split('\n')[0] ?? ''}`, error.line, error)
  }
}

/** @throws Failure RUNTIME_UNCHANGED unless `text` means what `expected` is */
export function checkToml(path: string, text: string, expected: TomlTable, advice: string): string {
  let means: TomlTable | undefined
  try {
    means = parseToml(path, text)
  } catch {
    means = undefined
  }
  if (!isDeepStrictEqual(means, expected)) {
    throw unchanged(path, `has no place where this could be added safely; write there by hand: ${advice}`)
  }
  return text
}

/** The line `[a."b".c]` or `[[a.b]]` that a section begins with. */
export interface TomlHeader {
  readonly index: number
  readonly path: readonly string[]
  /** Index of the line behind the section's own keys: that of the next header, or the end. */
  readonly end: number
}

export function headersOf(text: string): TomlHeader[] {
  const { lines } = linesOf(text)
  const found = lines.flatMap((line, index) => {
    const path = pathOfHeader(line)
    return path === undefined ? [] : [{ index, path }]
  })
  return found.map((header, at) => ({ ...header, end: found[at + 1]?.index ?? lines.length }))
}

/** `text` with lines before one of its lines and the comment that belongs to that. */
export function withLinesBefore(text: string, index: number, added: readonly string[]): string {
  const { lines } = linesOf(text)
  let at = index
  while (/^\s*#/.test(lines[at - 1] ?? '')) at--
  return withLines(text, at, added)
}

function pathOfHeader(line: string): string[] | undefined {
  if (!/^\s*\[/.test(line)) return undefined
  const path: string[] = []
  let value: unknown
  try {
    value = parse(line.trimEnd())
  } catch {
    return undefined
  }
  while (typeof value === 'object' && value !== null) {
    const inner: unknown = Array.isArray(value) ? value[0] : value
    const [entry] = Object.entries(inner as TomlTable)
    if (entry === undefined) break
    path.push(entry[0])
    value = entry[1]
  }
  return path
}

/** The table at a path; undefined where there is none. */
export function tableAt(root: unknown, path: readonly string[]): TomlTable | undefined {
  let table = root
  for (const key of path) table = isTable(table) ? table[key] : undefined
  return isTable(table) ? table : undefined
}

/** Set a value, making the tables that lead to it. */
export function setAt(root: TomlTable, path: readonly string[], key: string, value: unknown): void {
  let table = root
  for (const step of path) {
    const inner = table[step]
    table = isTable(inner) ? inner : (table[step] = parse(''))
  }
  table[key] = value
}

export function isTable(value: unknown): value is TomlTable {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date)
}

/** A basic string of TOML. */
export function tomlString(text: string): string {
  return JSON.stringify(text)
}
