import { unchanged, lineAt } from './unchanged.ts'
import { withoutMark } from './text-lines.ts'

/** A value in a JSON text. Offsets are those of characters, `end` is behind it. */
export interface JsonNode {
  readonly start: number
  readonly end: number
  /** Of an object or array, in order; undefined for other values. */
  readonly children: readonly JsonChild[] | undefined
  readonly value: unknown
}

export interface JsonChild {
  /** Of a member of an object. */
  readonly key: string | undefined
  /** Where it begins, a member with its key. */
  readonly start: number
  readonly node: JsonNode
}

const SPACE = /[ \t\r\n]*/y
const SCALAR =
  /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y

/** Read a JSON text (RFC 8259), so that it can be changed where it stands. @throws Failure RUNTIME_UNCHANGED */
export function parseJson(path: string, text: string): JsonNode {
  let at = text.length - withoutMark(text).length

  const fail = (problem: string): never => {
    throw unchanged(path, `is no JSON: ${problem}`, lineAt(text, at))
  }
  const match = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at
    const found = pattern.exec(text)?.[0]
    at += found?.length ?? 0
    return found
  }
  const skip = (character: string): boolean => {
    match(SPACE)
    if (text[at] !== character) return false
    at++
    return true
  }

  const value = (): JsonNode => {
    match(SPACE)
    const start = at
    if (skip('{')) return container(start, '}', () => `${memberKey()}`)
    if (skip('[')) return container(start, ']', () => undefined)
    const scalar = match(SCALAR) ?? fail('a value is missing')
    return { start, end: at, children: undefined, value: JSON.parse(scalar) as unknown }
  }
  const memberKey = (): string => {
    const key = text[at] === '"' ? match(SCALAR) : undefined
    if (key === undefined) fail('a name in double quotes is missing')
    if (!skip(':')) fail('":" is missing')
    return JSON.parse(key ?? '""') as string
  }
  const container = (start: number, close: string, readKey: () => string | undefined): JsonNode => {
    const children: JsonChild[] = []
    if (!skip(close)) {
      do {
        match(SPACE)
        const from = at
        children.push({ key: readKey(), start: from, node: value() })
      } while (skip(','))
      if (!skip(close)) fail(`"," or "${close}" is missing`)
    }
    const values = children.map(({ key, node }) => [key, node.value] as const)
    const isArray = close === ']'
    return {
      start,
      end: at,
      children,
      value: isArray ? values.map(([, one]) => one) : Object.fromEntries(values),
    }
  }

  const root = value()
  match(SPACE)
  if (at < text.length) fail('there is more behind it')
  return root
}

/** `text` with one more child, before all others, in their style. */
export function withChild(text: string, { start, end, children = [] }: JsonNode, added: string): string {
  const [first] = children
  const inner = text.slice(start + 1, first?.start ?? end - 1)
  const space =
    first !== undefined ? inner : inner.includes('\n') ? `${inner.replace(/[^\r\n].*$/s, '')}  ` : ''
  const separator = first === undefined ? '' : inner === '' ? ', ' : ','
  return text.slice(0, start + 1) + space + added + separator + text.slice(start + 1)
}

/** `text` without one of the children; undoes {@link withChild}. */
export function withoutChild(text: string, { start, children = [] }: JsonNode, child: JsonChild): string {
  const index = children.indexOf(child)
  const [before, next] = [children[index - 1], children[index + 1]]
  const from = before?.node.end ?? start + 1
  if (next === undefined) return text.slice(0, from) + text.slice(child.node.end)
  const comma = text.indexOf(',', child.node.end)
  const behind = text.slice(comma + 1)
  if (before !== undefined) return text.slice(0, text.indexOf(',', from) + 1) + behind
  // In `[a, b]` the space belongs to the comma.
  const isInline = from === child.start
  return text.slice(0, from) + (isInline ? behind.replace(/^ /, '') : behind)
}
