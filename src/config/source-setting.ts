import { booleanOption, concurrencyOption, splitAtEquals, textOption } from './options.ts'
import type { Options } from './options.ts'
import { addressOf } from './source-address.ts'
import { didYouMean, closest } from './suggestion.ts'
import { ValueMistake } from './value-mistake.ts'

export const SOURCE_KINDS = ['embedded', 'kubo', 'gateway', 'trusted-gateway'] as const
export type SourceKind = (typeof SOURCE_KINDS)[number]

/** One entry of `--source`, as written. */
export interface SourceSetting {
  readonly kind: SourceKind
  /** Origin and path prefix without a slash at the end; undefined for `embedded` and for a `kubo` that is to be found. */
  readonly url: string | undefined
  /** Unix socket to connect to instead of the URL's host. */
  readonly socketPath: string | undefined
  /** Sent with each request, names in lower case. Holds secrets: never to be logged. */
  readonly headers: Readonly<Record<string, string>>
  /** File with a bearer token, read when the settings are loaded; its token is then in `headers`. */
  readonly tokenFile: string | undefined
  /** Requests to this source under way at once; undefined: `source-concurrency`. */
  readonly concurrency: number | undefined
  /** Whether its blobs are kept on disk. */
  readonly cache: boolean
  /** Left out without a word when it is not there at the start. */
  readonly optional: boolean
}

const OPTIONS = ['url', 'token', 'token-file', 'headers', 'concurrency', 'cache', 'optional'] as const
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/i

/**
 * `kind`, `kind=address`, each with `;option=value` after it.
 *
 * @throws ValueMistake
 */
export function parseSource(text: string): SourceSetting {
  const [head = '', ...extras] = text.split(';')
  const [kind, address] = splitAtEquals(head)
  const options = new Map<string, unknown>()
  const headers: Record<string, unknown> = {}
  if (address !== undefined) options.set('url', address)
  for (const extra of extras.filter((part) => part.trim() !== '')) {
    const [key, value] = splitAtEquals(extra.trim())
    if (key === 'url') throw new ValueMistake('has its address twice')
    if (value === undefined) throw new ValueMistake(`has the option "${key}" without a value`)
    if (key.startsWith('header.')) headers[key.slice('header.'.length)] = value
    else options.set(key, value)
  }
  if (Object.keys(headers).length > 0) options.set('headers', headers)
  return sourceOf(kind.trim(), options)
}

/**
 * A YAML object: `{ kind, url, headers, token, token-file, concurrency, cache, optional }`.
 *
 * @throws ValueMistake
 */
export function parseSourceObject(object: Readonly<Record<string, unknown>>): SourceSetting {
  const { kind, ...rest } = object
  if (typeof kind !== 'string') throw new ValueMistake('needs a "kind"')
  return sourceOf(kind, new Map(Object.entries(rest)))
}

function sourceOf(kind: string, options: Options): SourceSetting {
  if (!isKind(kind)) {
    throw new ValueMistake(
      `is of the unknown kind "${kind}"${didYouMean(closest(kind, SOURCE_KINDS))} (known: ${SOURCE_KINDS.join(', ')})`,
    )
  }
  for (const key of options.keys()) {
    if (!(OPTIONS as readonly string[]).includes(key)) {
      throw new ValueMistake(`has the unknown option "${key}"${didYouMean(closest(key, OPTIONS))}`)
    }
  }
  const address = addressOf(kind, options.get('url'))
  return {
    kind,
    url: address.url,
    socketPath: address.socketPath,
    headers: { ...address.headers, ...headersOf(options) },
    tokenFile: textOption(options, 'token-file'),
    concurrency: concurrencyOption(options),
    cache: booleanOption(options, 'cache', true),
    optional: booleanOption(options, 'optional', false),
  }
}

/** Names in lower case, a token among them. @throws ValueMistake */
export function headersOf(options: Options): Record<string, string> {
  const headers: Record<string, string> = {}
  const given = options.get('headers') ?? {}
  if (typeof given !== 'object' || Array.isArray(given))
    throw new ValueMistake('has headers that are no mapping')
  for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
    if (!HEADER_NAME.test(name)) throw new ValueMistake(`has the malformed header name "${name}"`)
    if (!['string', 'number', 'boolean'].includes(typeof value) || /[\r\n\0]/.test(String(value))) {
      throw new ValueMistake(`has a malformed value for the header "${name}"`)
    }
    headers[name.toLowerCase()] = String(value)
  }
  const token = textOption(options, 'token')
  if (token !== undefined && options.has('token-file')) {
    throw new ValueMistake('has both a token and a token-file')
  }
  return token === undefined ? headers : { ...headers, ...bearer(token) }
}

/**
 * The header that carries a bearer token.
 *
 * @throws ValueMistake when the token could not be in a header
 */
export function bearer(token: string): { authorization: string } {
  if (!/^[\x21-\x7e]+$/.test(token))
    throw new ValueMistake('has a token with spaces or unprintable characters')
  return { authorization: `Bearer ${token}` }
}

function isKind(kind: string): kind is SourceKind {
  return (SOURCE_KINDS as readonly string[]).includes(kind)
}

/** What {@link parseSource} takes, without secrets. */
export function formatSource(source: SourceSetting): string {
  const address = source.socketPath === undefined ? source.url : `/unix${source.socketPath}`
  const parts = [address === undefined ? source.kind : `${source.kind}=${address}`]
  for (const name of Object.keys(source.headers)) parts.push(`header.${name}=***`)
  if (source.tokenFile !== undefined) parts.push(`token-file=${source.tokenFile}`)
  if (source.concurrency !== undefined) parts.push(`concurrency=${source.concurrency}`)
  if (!source.cache) parts.push('cache=false')
  if (source.optional) parts.push('optional=true')
  return parts.join(';')
}
