import { isDeepStrictEqual } from 'node:util'
import { isMap, isScalar, isSeq, LineCounter, parseDocument, stringify } from 'yaml'
import type { Document, Node, Pair, YAMLMap } from 'yaml'
import { marked, unmarked } from './marked-blocks.ts'
import { isChange } from './runtime.ts'
import type { FileChange, Runtime } from './runtime.ts'
import { unchanged } from './unchanged.ts'
import { withoutOurs } from './without-ours.ts'

const CONFIG = '/etc/rancher/k3s/registries.yaml'
const RESTART = 'systemctl restart k3s'

/**
 * k3s, which makes containerd's files of its own one (https://docs.k3s.io/installation/private-registry). It is changed
 * where the text has to be, so that comments and everything else stay as they are; then it is read again, whether it
 * means what it should.
 */
export const k3s: Runtime = {
  async add(files, { gateway, registries }) {
    const before = await files.read(CONFIG)
    const own = before === undefined ? undefined : unmarked(CONFIG, before)
    let text = own ?? ''
    const notes = ['on nodes that are no servers the service is k3s-agent']
    // Each comes before those that are there.
    for (const { name } of registries.toReversed()) {
      if (hasRewrites(text, name))
        notes.push(`${CONFIG}: the rewrites of ${name} are for the gateway as well`)
      text = withEndpoint(text, name, gateway)
    }
    const after = text === own ? own : checked(marked(own, text), own ?? '', registries, gateway)
    const change: FileChange = { path: CONFIG, before, after, own }
    return { changes: [change], notes, reload: isChange(change) ? RESTART : undefined }
  },

  async remove(files) {
    const changes = await withoutOurs(files, [CONFIG])
    return { changes, notes: [], reload: changes.length > 0 ? RESTART : undefined }
  },
}

function parseYaml(text: string): Document.Parsed {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const [error] = document.errors
  if (error !== undefined) {
    throw unchanged(CONFIG, `is no YAML: ${error.message}`, lines.linePos(error.pos[0]).line, error)
  }
  return document
}

/** The gateway before all other endpoints of a registry. */
function withEndpoint(text: string, name: string, gateway: string): string {
  const { contents } = parseYaml(text)
  if (contents === null || (isScalar(contents) && contents.value === null)) {
    return atEnd(text, { mirrors: { [name]: { endpoint: [gateway] } } })
  }
  if (!isMap(contents)) throw unchanged(CONFIG, 'is no mapping', 1)
  const mirrors = pairOf(contents, 'mirrors')
  if (mirrors === undefined) return atEnd(text, { mirrors: { [name]: { endpoint: [gateway] } } })
  if (!isMap(mirrors.value)) return intoNothing(text, mirrors, { [name]: { endpoint: [gateway] } })
  const registry = pairOf(mirrors.value, name)
  if (registry === undefined) return intoMap(text, mirrors.value, name, { endpoint: [gateway] })
  if (!isMap(registry.value)) return intoNothing(text, registry, { endpoint: [gateway] })
  const endpoint = pairOf(registry.value, 'endpoint')
  if (endpoint === undefined) return intoMap(text, registry.value, 'endpoint', [gateway])
  const list = endpoint.value
  if (!isSeq(list)) return intoNothing(text, endpoint, [gateway])
  if (list.items.some((item) => isScalar(item) && item.value === gateway)) return text
  const start = startOf(list)
  if (list.flow === true) {
    return insert(text, start + 1, JSON.stringify(gateway) + (list.items.length > 0 ? ', ' : ''))
  }
  return insertLines(text, start, `- ${stringify(gateway)}`)
}

function pairOf(map: YAMLMap, name: string): Pair | undefined {
  return map.items.find(({ key }) => (isScalar(key) ? key.value : key) === name)
}

function intoMap(text: string, map: YAMLMap, key: string, value: unknown): string {
  const start = startOf(map)
  if (map.flow === true) {
    const separator = map.items.length > 0 ? ', ' : ''
    return insert(text, start + 1, `${JSON.stringify(key)}: ${JSON.stringify(value)}${separator}`)
  }
  return insertLines(text, start, stringify({ [key]: value }))
}

/** Below a key that has no value. */
function intoNothing(text: string, { key, value }: Pair, added: unknown): string {
  const isEmpty = value === null || (isScalar(value) && value.value === null && (value.source ?? '') === '')
  if (!isEmpty || !isScalar(key)) {
    throw unchanged(CONFIG, `"${String(isScalar(key) ? key.value : key)}" is not what k3s takes there`)
  }
  const offset = startOf(key)
  const indent = offset - lineStart(text, offset)
  const next = text.indexOf('\n', offset)
  const lines = indented(stringify(added), `${' '.repeat(indent)}  `, text)
  return next === -1 ? `${text}\n${lines}` : insert(text, next + 1, lines)
}

function atEnd(text: string, added: unknown): string {
  const separator = text === '' || text.endsWith('\n') ? '' : '\n'
  return text + separator + indented(stringify(added), '', text)
}

/** Before what begins at an offset, as far to the right. */
function insertLines(text: string, offset: number, lines: string): string {
  const start = lineStart(text, offset)
  return insert(text, start, indented(lines, ' '.repeat(offset - start), text))
}

function indented(lines: string, indent: string, text: string): string {
  const end = /^[^\n]*\r\n/.test(text) ? '\r\n' : '\n'
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => indent + line + end)
    .join('')
}

function insert(text: string, offset: number, added: string): string {
  return text.slice(0, offset) + added + text.slice(offset)
}

function lineStart(text: string, offset: number): number {
  const start = text.lastIndexOf('\n', offset - 1) + 1
  return start === 0 && text.startsWith('\uFEFF') ? 1 : start
}

function startOf(node: Node): number {
  return node.range?.[0] ?? 0
}

function hasRewrites(text: string, name: string): boolean {
  return parseYaml(text).hasIn(['mirrors', name, 'rewrite'])
}

/** @returns `text` @throws Failure RUNTIME_UNCHANGED unless it is `own` with the gateway first for each registry */
function checked(
  text: string,
  own: string,
  registries: readonly { readonly name: string }[],
  gateway: string,
): string {
  type Registries = { mirrors?: Record<string, { endpoint?: string[] } | null> | null }
  const meaning = (one: string): unknown => {
    try {
      return parseYaml(one).toJS({ maxAliasCount: 100 }) as unknown
    } catch {
      return undefined
    }
  }
  const expected = (meaning(own) ?? {}) as Registries
  expected.mirrors ??= {}
  for (const { name } of registries) {
    const registry = (expected.mirrors[name] ??= {})
    const endpoint = registry.endpoint ?? []
    registry.endpoint = endpoint.includes(gateway) ? endpoint : [gateway, ...endpoint]
  }
  if (!isDeepStrictEqual(meaning(text), expected)) {
    const advice = registries.map(({ name }) => `mirrors."${name}".endpoint`).join(', ')
    throw unchanged(
      CONFIG,
      `has no place where this could be added safely; put "${gateway}" first in ${advice} by hand`,
    )
  }
  return text
}
