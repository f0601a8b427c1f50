import { marked, unmarked } from './marked-blocks.ts'
import { hostOf, isPlain } from './mirror.ts'
import type { Mirror, MirroredRegistry } from './mirror.ts'
import { isChange } from './runtime.ts'
import type { FileChange, FileReader, Runtime } from './runtime.ts'
import { endOf, linesOf, withLines } from './text-lines.ts'
import { checkToml, headersOf, isTable, parseToml, tomlString, withLinesBefore } from './toml-text.ts'
import type { TomlTable } from './toml-text.ts'
import { unchanged } from './unchanged.ts'
import { withoutOurs } from './without-ours.ts'

const MAIN = '/etc/containers/registries.conf'
const FOLDER = '/etc/containers/registries.conf.d'
const DROP_IN = `${FOLDER}/50-ipfs-registry.conf`

/** podman, buildah and skopeo. */
export const podman: Runtime = registriesConf({
  reload: undefined,
  notes: ['a user with a ~/.config/containers/registries.conf reads nothing of this'],
})

/** CRI-O reads the same files. */
export const crio: Runtime = registriesConf({ reload: 'systemctl reload crio', notes: [] })

/**
 * containers-registries.conf(5) and containers-registries.conf.d(5): of all files, the last one that has a registry
 * says everything of it. So a registry that has an entry already gets the mirror there; others go to a file of ours.
 */
function registriesConf({ reload, notes }: { reload: string | undefined; notes: string[] }): Runtime {
  return {
    async add(files, mirror) {
      const all = await readAll(files)
      for (const registry of mirror.registries) addMirror(all, mirror, registry)
      const changes = [...all.values()].map(changeOf).filter(({ path, before, after }) => {
        return before !== after || (path === DROP_IN && before !== undefined)
      })
      return { changes, notes, reload: changes.some(isChange) ? reload : undefined }
    },
    async remove(files) {
      const names = await files.list(FOLDER)
      const changes = await withoutOurs(files, [MAIN, ...names.map((name) => `${FOLDER}/${name}`)])
      return { changes, notes: [], reload: changes.length > 0 ? reload : undefined }
    },
  }
}

interface ConfFile {
  readonly path: string
  readonly before: string | undefined
  readonly own: string | undefined
  /** With what is added, not marked yet. */
  text: string | undefined
}

/** In the order in which they are read, ours the last one, since it has what no other has. */
async function readAll(files: FileReader): Promise<Map<string, ConfFile>> {
  const names = (await files.list(FOLDER)).filter((name) => name.endsWith('.conf'))
  const paths = [MAIN, ...names.map((name) => `${FOLDER}/${name}`)].filter((path) => path !== DROP_IN)
  const all = new Map<string, ConfFile>()
  for (const path of [...paths, DROP_IN]) {
    const before = await files.read(path)
    const own = before === undefined ? undefined : unmarked(path, before)
    if (own !== undefined) parseToml(path, own)
    if (own !== undefined || path === DROP_IN) all.set(path, { path, before, own, text: own })
  }
  return all
}

function addMirror(all: ReadonlyMap<string, ConfFile>, mirror: Mirror, registry: MirroredRegistry): void {
  const table = mirrorTable(mirror, registry)
  const file = [...all.values()].findLast(
    ({ path, text }) => entryOf(path, text, registry.name) !== undefined,
  )
  if (file === undefined) {
    const ours = all.get(DROP_IN)
    if (ours !== undefined) ours.text = withEntry(ours.text, registry.name, table)
    return
  }
  const { path, text = '' } = file
  const { entry, position } = entryOf(path, text, registry.name) ?? {}
  if (tablesOf(entry?.['mirror']).some(({ location }) => location === table['location'])) return
  const expected = parseToml(path, text)
  const changed = tablesOf(expected['registry'])[position ?? 0] ?? {}
  changed['mirror'] = [table, ...tablesOf(changed['mirror'])]
  const lines = mirrorLines(table)
  file.text = checkToml(path, withMirror(text, position ?? 0, lines), expected, lines.join('; '))
}

/** As a new entry; in a file of ours, before what others have added to it. */
function withEntry(text: string | undefined, name: string, table: TomlTable): string {
  const lines = [
    '[[registry]]',
    `prefix = ${tomlString(name)}`,
    `location = ${tomlString(name)}`,
    '',
    ...mirrorLines(table),
  ]
  if (text === undefined) return `${lines.join('\n')}\n`
  return withLines(text, endOf(linesOf(text)), ['', ...lines])
}

/** Before the first mirror that the entry has. */
function withMirror(text: string, position: number, lines: readonly string[]): string {
  const header = headersOf(text).filter(({ path }) => path.join('.') === 'registry')[position]
  const index = Math.min(header?.end ?? Infinity, endOf(linesOf(text)))
  return withLinesBefore(text, index, lines)
}

function mirrorLines(table: TomlTable): string[] {
  return [
    '[[registry.mirror]]',
    ...Object.entries(table).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ]
}

/** Mirrors are asked for the registry's own names, so without a listener of its own its name goes in front. */
function mirrorTable({ gateway }: Mirror, { name, prefix, listener }: MirroredRegistry): TomlTable {
  const origin = listener ?? gateway
  if (listener === undefined && prefix === undefined) {
    throw unchanged(
      DROP_IN,
      `"${name}" can't stand in a name: give the gateway an alias for it, --upstream '${name};alias=images', or a --mirror`,
    )
  }
  const location = listener === undefined ? `${hostOf(origin)}/${prefix}` : hostOf(origin)
  const lines = [`location = ${tomlString(location)}`, ...(isPlain(origin) ? ['insecure = true'] : [])]
  return parseToml(DROP_IN, lines.join('\n'))
}

function entryOf(
  path: string,
  text: string | undefined,
  name: string,
): { entry: TomlTable; position: number } | undefined {
  if (text === undefined) return undefined
  const entries = tablesOf(parseToml(path, text)['registry'])
  const position = entries.findIndex(({ prefix, location }) => (prefix ?? location) === name)
  const entry = entries[position]
  return entry === undefined ? undefined : { entry, position }
}

function tablesOf(value: unknown): TomlTable[] {
  return Array.isArray(value) ? value.filter(isTable) : []
}

function changeOf({ path, before, own, text }: ConfFile): FileChange {
  const after = text === undefined || text === own ? own : marked(own, text)
  return { path, before, after, own }
}
