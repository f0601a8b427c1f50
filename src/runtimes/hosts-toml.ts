import { marked } from './marked-blocks.ts'
import { endOf, linesOf } from './text-lines.ts'
import { checkToml, headersOf, isTable, parseToml, setAt, tomlString, withLinesBefore } from './toml-text.ts'
import type { TomlTable } from './toml-text.ts'
import { unchanged } from './unchanged.ts'

const CAPABILITIES = ['pull', 'resolve']
/** How long an address that is not there may hold up a pull; containerd 2.1 and later. */
const DIAL_TIMEOUT = '1s'

/**
 * containerd's `hosts.toml` for one registry, with the gateway before all other hosts: they are asked in the order in
 * which they stand there (containerd, docs/hosts.md).
 *
 * @throws Failure RUNTIME_UNCHANGED
 */
export function withHost(path: string, own: string | undefined, registry: string, gateway: string): string {
  const block = [
    `[host.${tomlString(gateway)}]`,
    `  capabilities = [${CAPABILITIES.map(tomlString).join(', ')}]`,
    `  dial_timeout = ${tomlString(DIAL_TIMEOUT)}`,
  ]
  if (own === undefined) {
    return marked(undefined, [`server = ${tomlString(serverOf(registry))}`, '', ...block].join('\n'))
  }
  const expected = parseToml(path, own)
  const hosts = expected['host']
  if (hosts !== undefined && !isTable(hosts)) throw unchanged(path, '"host" is no table')
  if (hosts?.[gateway] !== undefined) return own
  setAt(expected, ['host'], gateway, settings())
  const first = headersOf(own).find((header) => header.path[0] === 'host')
  const index = first?.index ?? endOf(linesOf(own))
  const text = marked(own, withLinesBefore(own, index, block))
  return checkToml(path, text, expected, block.map((line) => line.trim()).join('; '))
}

/** As a parser gives them. */
function settings(): TomlTable {
  return parseToml('', `capabilities = ${JSON.stringify(CAPABILITIES)}\ndial_timeout = "${DIAL_TIMEOUT}"`)
}

function serverOf(registry: string): string {
  if (registry === 'docker.io') return 'https://registry-1.docker.io'
  return `https://${registry}`
}
