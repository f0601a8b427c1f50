import { AUTH_SETTINGS } from './auth-settings.ts'
import { EVENT_SETTINGS } from './event-settings.ts'
import type { Setting } from './setting.ts'
import { PUSH_HOST_SETTINGS } from './push-host-settings.ts'
import { PUSH_SETTINGS } from './push-settings.ts'
import { ROOT_SETTINGS } from './root-settings.ts'
import { READ_ONLY_ROOT_SETTINGS } from './read-only-root-settings.ts'
import { UPSTREAM_SETTINGS } from './upstream-settings.ts'
import * as value from './value.ts'

const MiB = 2 ** 20

/**
 * Every setting of this program, in one table. From a name come the flag `--cache-size`, the environment variable
 * `IPFS_REGISTRY_CACHE_SIZE`, the YAML key `cache-size` and the property `config.cacheSize`.
 */
export const SETTINGS = {
  listen: {
    group: 'Listening',
    schema: value.address(),
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:5000',
    help: 'where clients reach the registry; 0.0.0.0:5000 for every interface',
  },
  'admin-listen': {
    group: 'Listening',
    schema: value.addressOrOff(),
    placeholder: 'HOST:PORT',
    default: '127.0.0.1:5010',
    help: 'where operators look: a status page at /, /status.json, /livez, /readyz and /metrics; or off',
  },
  'ipfs-gateway': {
    group: 'Listening',
    schema: value.placeOnOff(),
    placeholder: 'on|off|HOST:PORT',
    default: 'on',
    help: 'whether other gateways and IPFS clients may read what is held, at /ipfs and /ipns, or a listener of its own for it',
  },
  'tls-cert': {
    group: 'Listening',
    schema: value.path(),
    placeholder: 'FILE',
    help: 'PEM certificate chain for HTTPS; read again when the file changes',
  },
  'tls-key': {
    group: 'Listening',
    schema: value.path(),
    placeholder: 'FILE',
    help: 'PEM private key of --tls-cert',
  },
  source: {
    group: 'Content',
    schema: value.source(),
    placeholder: 'SOURCE',
    default: 'embedded,kubo;optional=true',
    repeatable: true,
    help: 'where content comes from, tried in the order given: embedded, kubo[=URL], gateway=URL, trusted-gateway=URL',
  },
  public: {
    group: 'Content',
    schema: value.boolean(),
    default: 'false',
    help: 'also ask public trustless gateways, after all other sources',
  },
  relay: {
    group: 'Content',
    schema: value.boolean(),
    default: 'false',
    help: 'at /ipfs, fetch from the sources what is not held; otherwise it is 404 there',
  },
  'source-concurrency': {
    group: 'Content',
    schema: value.count({ min: 1, max: 10_000 }),
    placeholder: 'N',
    default: '64',
    help: 'requests under way at once to one source',
  },
  'source-queue': {
    group: 'Content',
    schema: value.count({ min: 0, max: 1_000_000 }),
    placeholder: 'N',
    default: '1024',
    help: 'requests that may wait for one source; more are answered 503 with Retry-After',
  },
  store: {
    group: 'Store',
    schema: value.store(),
    placeholder: 'DIR|memory',
    defaultText: '`$XDG_DATA_HOME/ipfs-registry`, else `~/.local/share/ipfs-registry`',
    help: 'folder of published content and the cache; memory keeps small objects only and nothing on disk',
  },
  'cache-size': {
    group: 'Store',
    schema: value.size(),
    placeholder: 'SIZE',
    default: '20GiB',
    help: 'disk for cached blobs; published content is not counted and never evicted',
  },
  'memory-cache-size': {
    group: 'Store',
    schema: value.size({ min: MiB }),
    placeholder: 'SIZE',
    default: '64MiB',
    help: 'memory for manifests, folders and other small objects',
  },
  'ipns-ttl-min': {
    group: 'Names',
    schema: value.duration(),
    placeholder: 'DURATION',
    default: '60s',
    help: 'a mutable name is not resolved more often than this, however short its TTL',
  },
  'ipns-ttl-max': {
    group: 'Names',
    schema: value.duration({ min: 1000 }),
    placeholder: 'DURATION',
    default: '1h',
    help: 'a mutable name is resolved at least this often, however long its TTL',
  },
  'ipns-stale': {
    group: 'Names',
    schema: value.duration({ max: 365 * 24 * 60 * 60 * 1000 }),
    placeholder: 'DURATION',
    default: '24h',
    help: 'how long the last known root of a name is served when it cannot be resolved; 0 for never',
  },
  'dns-server': {
    group: 'Names',
    schema: value.dnsServer(),
    placeholder: 'IP[:PORT]',
    repeatable: true,
    defaultText: "the system's",
    help: 'DNS server for DNSLink names',
  },
  ...READ_ONLY_ROOT_SETTINGS,
  ...UPSTREAM_SETTINGS,
  ...PUSH_SETTINGS,
  ...PUSH_HOST_SETTINGS,
  ...ROOT_SETTINGS,
  ...EVENT_SETTINGS,
  allow: {
    group: 'Access',
    schema: value.contentGlob(),
    placeholder: 'GLOB',
    repeatable: true,
    defaultText: 'everything',
    help: 'only content whose path matches one of these, as /ipfs/<cid>/** or /ipns/images.example.org/**',
  },
  deny: {
    group: 'Access',
    schema: value.contentGlob(),
    placeholder: 'GLOB',
    repeatable: true,
    defaultText: 'nothing',
    help: 'never content whose path matches one of these, whatever --allow says',
  },
  ...AUTH_SETTINGS,
  'answer-timeout': {
    group: 'Time-outs',
    schema: value.duration({ min: 100 }),
    placeholder: 'DURATION',
    default: '25s',
    help: 'until a request is answered 504 while the fetch goes on; clients give up after 30 s',
  },
  'background-timeout': {
    group: 'Time-outs',
    schema: value.duration({ min: 1000 }),
    placeholder: 'DURATION',
    default: '10m',
    help: 'how long a fetch goes on without any client waiting for it',
  },
  'stall-timeout': {
    group: 'Time-outs',
    schema: value.duration({ min: 100 }),
    placeholder: 'DURATION',
    default: '10s',
    help: 'time without a byte until a source counts as stalled and the next one continues',
  },
  'hedge-delay': {
    group: 'Time-outs',
    schema: value.duration({ min: 1 }),
    placeholder: 'DURATION',
    default: '1500ms',
    help: 'time without an answer until the next source is asked as well',
  },
  'shutdown-grace': {
    group: 'Time-outs',
    schema: value.duration(),
    placeholder: 'DURATION',
    default: '30s',
    help: 'how long requests under way may go on after SIGTERM',
  },
  'max-requests': {
    group: 'Limits',
    schema: value.count({ min: 1, max: 1_000_000 }),
    placeholder: 'N',
    default: '1024',
    help: 'requests of clients under way at once; more are answered 503 with Retry-After',
  },
  'ipfs-gateway-requests': {
    group: 'Limits',
    schema: value.count({ min: 1, max: 1_000_000 }),
    placeholder: 'N',
    default: '256',
    help: 'requests for blocks and CARs under way at once; more are answered 429 with Retry-After',
  },
  'max-manifest-size': {
    group: 'Limits',
    schema: value.size({ min: 1024, max: 64 * MiB }),
    placeholder: 'SIZE',
    default: '4MiB',
    help: 'largest manifest that is read',
  },
  'max-index-size': {
    group: 'Limits',
    schema: value.size({ min: 1024, max: 256 * MiB }),
    placeholder: 'SIZE',
    default: '16MiB',
    help: 'largest index.json that is read',
  },
  'log-level': {
    group: 'Logs',
    schema: value.choice('error', 'warn', 'info', 'debug'),
    placeholder: 'error|warn|info|debug',
    default: 'info',
    help: 'least severe messages to log; the access log is at info',
  },
  'log-format': {
    group: 'Logs',
    schema: value.choice('auto', 'text', 'json'),
    placeholder: 'auto|text|json',
    default: 'auto',
    help: 'text, json, or auto: text on a terminal, JSON otherwise',
  },
  sample: {
    group: 'Running',
    schema: value.boolean(),
    default: 'false',
    help: 'publish a small sample image at the start and print the line that runs it',
  },
} as const satisfies Record<string, Setting>

export type SettingName = keyof typeof SETTINGS

/** Names in the order of the table. */
export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[]

export const ENVIRONMENT_PREFIX = 'IPFS_REGISTRY_'

/** A row by its name, with its optional columns. */
export function settingOf(name: SettingName): Setting {
  return SETTINGS[name]
}

export function flagOf(name: string): string {
  return `--${name}`
}

export function environmentVariableOf(name: string): string {
  return ENVIRONMENT_PREFIX + name.toUpperCase().replaceAll('-', '_')
}

/** The property of the configuration: `cacheSize` for `cache-size`. */
export function propertyOf(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}
