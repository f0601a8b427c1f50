import { isAbsolute, join } from 'node:path'
import type { ProxySettings } from './config.ts'
import type { GivenSetting, GivenSettings } from './given.ts'
import type { SettingMistake } from './mistakes.ts'
import { withoutSecrets } from './secrets.ts'
import { ENVIRONMENT_PREFIX, environmentVariableOf, SETTING_NAMES, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { closest, didYouMean } from './suggestion.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Names the settings file; not a setting itself. */
export const CONFIG_VARIABLE = `${ENVIRONMENT_PREFIX}CONFIG`

/**
 * Kubernetes puts the addresses of a namespace's Services into every pod: for a Service called `ipfs-registry`, or
 * `ipfs-registry-…`, under our prefix (kubernetes.io, "Accessing the Service", "Environment Variables").
 */
const SERVICE_VARIABLE =
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/

/** Settings given as `IPFS_REGISTRY_…`. An empty variable is one that is not set. */
export function readEnvironment(env: Environment): GivenSettings {
  const settings = new Map<SettingName, GivenSetting>()
  const mistakes: SettingMistake[] = []
  const byVariable = new Map(SETTING_NAMES.map((name) => [environmentVariableOf(name), name]))
  for (const [variable, value] of Object.entries(env)) {
    if (!variable.startsWith(ENVIRONMENT_PREFIX) || variable === CONFIG_VARIABLE) continue
    if (value === undefined || value === '') continue
    const name = byVariable.get(variable)
    if (name !== undefined) {
      const raw = settingOf(name).repeatable === true ? splitList(value) : [value]
      settings.set(name, { origin: { kind: 'environment', name: variable }, raw })
    } else if (!SERVICE_VARIABLE.test(variable)) {
      const suggestion = didYouMean(closest(variable, [...byVariable.keys(), CONFIG_VARIABLE]))
      mistakes.push({ where: variable, problem: `there is no such setting${suggestion}` })
    }
  }
  return { settings, mistakes }
}

function splitList(text: string): string[] {
  const parts = text.split(',').map((part) => part.trim())
  return parts.filter((part) => part !== '')
}

/** `$XDG_DATA_HOME/ipfs-registry`, else `~/.local/share/ipfs-registry` (XDG Base Directory Specification). */
export function defaultStore(env: Environment, home: string): string {
  const data = env['XDG_DATA_HOME']
  // The specification has relative paths ignored.
  return join(data !== undefined && isAbsolute(data) ? data : join(home, '.local', 'share'), 'ipfs-registry')
}

/** `$IPFS_PATH`, else `~/.ipfs`, as Kubo has it. */
export function kuboRepository(env: Environment, home: string): string {
  const path = env['IPFS_PATH']
  return path === undefined || path === '' ? join(home, '.ipfs') : path
}

/** No proxy leads back to this machine's loopback, whatever NO_PROXY says: a Kubo here is asked directly. */
const ALWAYS_DIRECT = ['localhost', '127.0.0.1', '[::1]']

/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, in lower case first, as curl and undici have it. */
export function readProxy(env: Environment, mistakes: SettingMistake[]): ProxySettings | undefined {
  const httpProxy = proxyUrl(env, 'http_proxy', mistakes)
  const httpsProxy = proxyUrl(env, 'https_proxy', mistakes)
  if (httpProxy === undefined && httpsProxy === undefined) return undefined
  const direct = either(env, 'no_proxy')?.value ?? ''
  if (direct.trim() === '*') return undefined
  return {
    httpProxy,
    httpsProxy,
    noProxy: [direct, ...ALWAYS_DIRECT].filter((part) => part !== '').join(','),
  }
}

function proxyUrl(env: Environment, name: string, mistakes: SettingMistake[]): string | undefined {
  const found = either(env, name)
  if (found === undefined) return undefined
  const url = found.value.includes('://') ? found.value : `http://${found.value}`
  if (URL.canParse(url) && /^https?:/.test(url)) return url
  mistakes.push({
    where: `${found.name} "${withoutSecrets(found.value)}"`,
    problem: 'must be the http:// or https:// URL of a proxy',
  })
  return undefined
}

function either(env: Environment, lower: string): { name: string; value: string } | undefined {
  for (const name of [lower, lower.toUpperCase()]) {
    const value = env[name]
    if (value !== undefined && value !== '') return { name, value }
  }
  return undefined
}
