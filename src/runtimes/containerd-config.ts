import { marked } from './marked-blocks.ts'
import { endOf, linesOf, textOf, withLines } from './text-lines.ts'
import { checkToml, headersOf, parseToml, setAt, tableAt, tomlString } from './toml-text.ts'
import type { TomlTable } from './toml-text.ts'
import { unchanged } from './unchanged.ts'

/** Where containerd looks for the files of registries once this is set; its own documentation's choice. */
export const DEFAULT_HOSTS = '/etc/containerd/certs.d'

/** Names of the plugin that pulls for Kubernetes, as `disabled_plugins` has them. */
const CRI = ['cri', 'io.containerd.grpc.v1.cri', 'io.containerd.cri.v1.images']

/** What a file of containerd says of registries. */
export interface ContainerdRegistries {
  readonly version: number
  /** `config_path`; empty where none is set. */
  readonly folders: readonly string[]
  /** Whether nothing pulls for Kubernetes, so that nobody reads `config_path`. */
  readonly isCriDisabled: boolean
  readonly imports: readonly string[]
}

/** @throws Failure RUNTIME_UNCHANGED, also for settings that `config_path` may not stand beside */
export function readContainerdConfig(path: string, text: string): ContainerdRegistries {
  const tree = parseToml(path, text)
  const version = versionOf(path, tree)
  const registry = tableAt(tree, sectionOf(version)) ?? {}
  for (const [key, refused] of Object.entries(deprecatedOf(registry))) {
    if (refused) {
      throw unchanged(
        path,
        `has registry.${key}, which containerd does not take together with config_path: ` +
          'move it to hosts.toml first, see docs/hosts.md of containerd',
      )
    }
  }
  const configured = registry['config_path'] ?? ''
  if (typeof configured !== 'string') throw unchanged(path, 'config_path is no text')
  return {
    version,
    folders: configured.split(':').filter((folder) => folder !== ''),
    isCriDisabled: textsOf(tree['disabled_plugins']).some((name) => CRI.includes(name)),
    imports: textsOf(tree['imports']),
  }
}

/** The file with `config_path` set. @throws Failure RUNTIME_UNCHANGED */
export function withConfigPath(
  path: string,
  own: string | undefined,
  folder: string,
  version: number,
): string {
  const section = sectionOf(version)
  const header = `[${section.map((part) => (part.includes('.') ? tomlString(part) : part)).join('.')}]`
  const setting = `config_path = ${tomlString(folder)}`
  if (own === undefined) return marked(undefined, `version = ${version}\n\n${header}\n  ${setting}`)
  const expected = parseToml(path, own)
  setAt(expected, section, 'config_path', folder)
  return checkToml(path, marked(own, place(own, section, header, setting)), expected, `${header} ${setting}`)
}

function place(own: string, section: readonly string[], header: string, setting: string): string {
  const all = linesOf(own)
  const found = headersOf(own).find((one) => one.path.join('\n') === section.join('\n'))
  if (found === undefined) return withLines(own, endOf(all), [header, `  ${setting}`])
  const keys = all.lines.slice(found.index + 1, found.end)
  const offset = keys.findIndex((line) => /^\s*config_path\s*=/.test(line))
  const indent = /^\s*/.exec(all.lines[found.index] ?? '')?.[0] ?? ''
  if (offset === -1) return withLines(own, found.index + 1, [`${indent}  ${setting}`])
  const index = found.index + 1 + offset
  const before = all.lines[index] ?? ''
  const lines = all.lines.with(index, `${/^\s*/.exec(before)?.[0] ?? ''}${setting}${all.return}`)
  return textOf({ mark: all.mark, lines })
}

/** containerd's docs/cri/registry.md; a file without a version is one of version 1, whose plugins have short names. */
function sectionOf(version: number): string[] {
  const plugin =
    version >= 3 ? 'io.containerd.cri.v1.images' : version === 2 ? 'io.containerd.grpc.v1.cri' : 'cri'
  return ['plugins', plugin, 'registry']
}

function versionOf(path: string, tree: TomlTable): number {
  const version = tree['version'] ?? 1
  if (typeof version !== 'number') throw unchanged(path, 'version is no number')
  return version
}

/** What containerd refuses to start with beside `config_path`. */
function deprecatedOf(registry: TomlTable): { mirrors: boolean; 'configs.tls': boolean } {
  const configs = Object.values(tableAt(registry, ['configs']) ?? {})
  return {
    mirrors: Object.keys(tableAt(registry, ['mirrors']) ?? {}).length > 0,
    'configs.tls': configs.some((config) => tableAt(config, ['tls']) !== undefined),
  }
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : []
}
