import { toAbsolute } from './absolute-path.ts'
import { basic } from './http-url.ts'
import { splitAtEquals, textOption } from './options.ts'
import type { Options } from './options.ts'
import { headersOf } from './source-setting.ts'
import { closest, didYouMean } from './suggestion.ts'
import { formatDuration, parseDuration } from './units.ts'
import { ValueMistake } from './value-mistake.ts'
import { parseWebhookUrl } from './webhook-url.ts'

export const WEBHOOK_EVENTS = ['push', 'tag', 'delete', 'blob', 'root'] as const
export type WebhookEvent = (typeof WEBHOOK_EVENTS)[number]

/** One entry of `--webhook`, as written: a receiver of events. */
export interface WebhookSetting {
  /** In logs and metrics, where its URL is not shown. */
  readonly name: string
  /** Paths and queries of such URLs often hold a secret: to be shown no further than its origin. */
  readonly url: string
  /** Sent with each request, names in lower case. Holds secrets: never to be logged. */
  readonly headers: Readonly<Record<string, string>>
  /** Files with the values of more headers, absolute, by names in lower case; they are then in `headers`. */
  readonly headerFiles: Readonly<Record<string, string>>
  /** File with a bearer token, absolute; it is then in `headers`. */
  readonly tokenFile: string | undefined
  /** What it is told of. */
  readonly events: readonly WebhookEvent[]
  /** Events in one request. */
  readonly batch: number
  /** ms for an answer. */
  readonly timeout: number
}

/** In the spelling of YAML. */
const OPTIONS = [
  ...['url', 'name', 'token', 'token-file', 'headers', 'header-files'],
  ...['events', 'batch', 'timeout'],
]

const DEFAULT_EVENTS: readonly WebhookEvent[] = ['push', 'delete', 'root']
/** ms */
export const DEFAULT_TIMEOUT = 10_000
const SHORTEST_TIMEOUT = 100
const LONGEST_TIMEOUT = 300_000
const LARGEST_BATCH = 1000
/** It is a label of metrics. */
const NAME = /^[\w.:[\]-]{1,100}$/
/** What the connection is about is not for settings to say. */
const OWN_HEADERS = ['connection', 'content-length', 'expect', 'keep-alive', 'transfer-encoding', 'upgrade']

/**
 * `URL`, with `;option=value` after it.
 *
 * @throws ValueMistake
 */
export function parseWebhook(text: string): WebhookSetting {
  const [url = '', ...extras] = text.split(';')
  const options = new Map<string, unknown>([['url', url.trim()]])
  const maps: Record<string, Record<string, unknown>> = {}
  const events: string[] = []
  for (const extra of extras.map((part) => part.trim()).filter((part) => part !== '')) {
    const [key, value] = splitAtEquals(extra)
    // It may be the rest of a secret.
    if (value === undefined) throw new ValueMistake('has an option without a value')
    const [, map, name = ''] = /^(header|header-file)\.(.*)$/.exec(key) ?? []
    if (map !== undefined) (maps[`${map}s`] ??= {})[name] = value
    else if (key === 'event') events.push(value)
    else if (options.has(key)) throw new ValueMistake(`has the option "${key}" twice`)
    else options.set(key, value)
  }
  for (const [key, map] of Object.entries(maps)) options.set(key, map)
  if (events.length > 0) options.set('events', events)
  return webhookOf(options)
}

/**
 * A YAML object: `{ url, name, token, token-file, headers, header-files, events, batch, timeout }`.
 *
 * @throws ValueMistake
 */
export function parseWebhookObject(object: Readonly<Record<string, unknown>>): WebhookSetting {
  return webhookOf(new Map(Object.entries(object).filter(([, value]) => value !== null)))
}

function webhookOf(options: Options): WebhookSetting {
  for (const key of options.keys()) {
    if (!OPTIONS.includes(key))
      throw new ValueMistake(`has the unknown option "${key}"${didYouMean(closest(key, OPTIONS))}`)
  }
  const { url, user } = parseWebhookUrl(options.get('url'))
  const name = textOption(options, 'name') ?? new URL(url).host
  if (!NAME.test(name)) throw new ValueMistake('has a name of other characters than letters, digits, ".:_-"')
  const headers = { ...(user === undefined ? {} : basic(user)), ...headersOf(options) }
  const headerFiles = headerFilesOf(options)
  const credentials = [user, options.get('token'), options.get('token-file')].filter(Boolean)
  checkHeaders(headers, [
    ...Object.keys(headersOf(new Map([['headers', options.get('headers') ?? {}]]))),
    ...Object.keys(headerFiles),
    ...credentials.map(() => 'authorization'),
  ])
  return {
    name,
    url,
    headers,
    headerFiles,
    tokenFile: pathOption(options, 'token-file'),
    events: eventsOf(options),
    batch: batchOf(options),
    timeout: timeoutOf(options),
  }
}

function headerFilesOf(options: Options): Record<string, string> {
  const files = headersOf(new Map([['headers', options.get('header-files') ?? {}]]))
  return Object.fromEntries(Object.entries(files).map(([name, path]) => [name, toAbsolute(path)]))
}

/** No header is given twice, and none that can't be sent. @param names of all that are given, each as often as it is */
function checkHeaders(headers: WebhookSetting['headers'], names: readonly string[]): void {
  const twice = names.find((name, at) => names.indexOf(name) !== at)
  if (twice !== undefined) throw new ValueMistake(`has several values for the header "${twice}"`)
  const own = names.find((name) => OWN_HEADERS.includes(name))
  if (own !== undefined) throw new ValueMistake(`has the header "${own}", which can not be set`)
  const [wrong] = Object.entries(headers).find(([, value]) => !isHeaderValue(value)) ?? []
  if (wrong !== undefined) throw new ValueMistake(`has a malformed value for the header "${wrong}"`)
}

/** Printable ASCII: what every receiver reads as it was written. */
export function isHeaderValue(text: string): boolean {
  return /^[\x20-\x7e]*$/.test(text)
}

function pathOption(options: Options, key: string): string | undefined {
  const path = textOption(options, key)
  return path === undefined ? undefined : toAbsolute(path)
}

function eventsOf(options: Options): readonly WebhookEvent[] {
  const given = options.get('events')
  if (given === undefined) return DEFAULT_EVENTS
  const events = Array.isArray(given) ? (given as unknown[]) : [given]
  if (events.length === 0) throw new ValueMistake('has no events')
  return [...new Set(events)].map((event) => {
    const known = WEBHOOK_EVENTS.find((one) => one === event)
    if (known !== undefined) return known
    throw new ValueMistake(`has the unknown event "${String(event)}" (known: ${WEBHOOK_EVENTS.join(', ')})`)
  })
}

function batchOf(options: Options): number {
  const value = options.get('batch') ?? 1
  const count = Number(value)
  if (Number.isInteger(count) && count >= 1 && count <= LARGEST_BATCH) return count
  throw new ValueMistake(`has a batch that is no whole number from 1 to ${LARGEST_BATCH}`)
}

function timeoutOf(options: Options): number {
  const value = textOption(options, 'timeout')
  if (value === undefined) return DEFAULT_TIMEOUT
  const ms = parseDuration(value)
  if (ms !== undefined && ms >= SHORTEST_TIMEOUT && ms <= LONGEST_TIMEOUT) return ms
  const range = `${formatDuration(SHORTEST_TIMEOUT)} to ${formatDuration(LONGEST_TIMEOUT)}`
  throw new ValueMistake(`has a timeout that is no duration from ${range}`)
}
