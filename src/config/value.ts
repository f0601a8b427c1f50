import { isIP } from 'node:net'
import { z } from 'zod'
import { toAbsolute } from './absolute-path.ts'
import { parseAddress, parseDnsServer } from './address.ts'
import type { Address } from './address.ts'
import { parseAuth, parseAuthRules, parseNetwork, parsePublicUrl } from './auth-setting.ts'
import { parseMap } from './map-setting.ts'
import { parseMirror } from './mirror-setting.ts'
import { parseUpstream, parseUpstreamObject } from './parse-upstream.ts'
import { parseReadOnlyRoot, parseReadOnlyRootObject } from './read-only-root.ts'
import { parseNameGlob, parseTagGlob } from './repository-glob.ts'
import { parseHttpUrl } from './http-url.ts'
import { parseRoot } from './root-setting.ts'
import { parseSource, parseSourceObject } from './source-setting.ts'
import { ValueMistake } from './value-mistake.ts'
import { checkUpstreamName } from './upstream-name.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from './units.ts'
import { parseWebhook, parseWebhookObject } from './webhook-setting.ts'

// Every setting arrives as text, whether from a flag, the environment or a YAML scalar. A schema turns the text into
// a value, or says what the setting must be: the message completes the sentence "<setting> …".

const DAY = 24 * 60 * 60 * 1000

/** `setTimeout` fires at once for more than 2^31 - 1 ms. */
const LONGEST_TIMER = 24 * DAY

/** Milliseconds. */
export function duration({ min = 0, max = LONGEST_TIMER }: { min?: number; max?: number } = {}) {
  return text((value) => {
    const milliseconds = parseDuration(value)
    if (milliseconds === undefined)
      throw new ValueMistake('must be a duration with a unit, as 500ms, 25s, 10m, 2h, 7d')
    return within(milliseconds, min, max, formatDuration)
  })
}

/** Bytes. */
export function size({ min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {}) {
  return text((value) => {
    const bytes = parseSize(value)
    if (bytes === undefined) throw new ValueMistake('must be a size, as 64MiB, 20GB, 1048576')
    return within(bytes, min, max, formatSize)
  })
}

export function count({ min, max }: { min: number; max: number }) {
  return text((value) => {
    if (!/^\d+$/.test(value)) throw new ValueMistake('must be a whole number')
    return within(Number(value), min, max, String)
  })
}

const BOOLEANS: ReadonlyMap<string, boolean> = new Map([
  ...['true', 'yes', 'on', '1'].map((word) => [word, true] as const),
  ...['false', 'no', 'off', '0'].map((word) => [word, false] as const),
])

export function boolean() {
  return text((value) => {
    const answer = BOOLEANS.get(value.toLowerCase())
    if (answer === undefined) throw new ValueMistake('must be true or false')
    return answer
  })
}

export function choice<const T extends string>(...choices: readonly T[]) {
  return text((value): T => {
    const chosen = choices.find((one) => one === value.toLowerCase())
    if (chosen === undefined) throw new ValueMistake(`must be one of ${choices.join(', ')}`)
    return chosen
  })
}

export function address() {
  return text((value): Address => {
    const parsed = parseAddress(value)
    if (parsed === undefined) throw new ValueMistake('must be HOST:PORT, as 127.0.0.1:5000 or [::1]:5000')
    return parsed
  })
}

/** An address, or undefined for `off`. */
export function addressOrOff() {
  return text((value): Address | undefined => {
    if (value.toLowerCase() === 'off') return undefined
    const parsed = parseAddress(value)
    if (parsed === undefined) throw new ValueMistake('must be HOST:PORT, as 127.0.0.1:5010, or off')
    return parsed
  })
}

/** A host name or IP address as a `Host` header has it, in lower case, without port and brackets. */
export function hostName() {
  return text((value) => {
    const bare = value.toLowerCase().replace(/^\[(.*)\]$/, '$1')
    if (isIP(bare) === 0 && !/^[a-z0-9_-]+(?:\.[a-z0-9_-]+)*$/.test(bare)) {
      throw new ValueMistake('must be a name or an address without a port, as registry.example.org')
    }
    return bare
  })
}

/** `on` for where everything else is, `off`, or an address. */
export function placeOnOff() {
  return text((value): Address | 'on' | 'off' => {
    const word = value.toLowerCase()
    if (word === 'on' || word === 'off') return word
    const parsed = parseAddress(value)
    if (parsed === undefined) throw new ValueMistake('must be on, off, or HOST:PORT, as 0.0.0.0:8080')
    return parsed
  })
}

/** An absolute path; `~/` is the home folder, and what is relative is so to the working directory. */
export function path() {
  return text(toAbsolute)
}

/** The store's folder, or the word `memory`. */
export function store() {
  return text((value): StoreSetting =>
    value === 'memory' ? { kind: 'memory' } : { kind: 'disk', path: toAbsolute(value) },
  )
}

export type StoreSetting = { readonly kind: 'memory' } | { readonly kind: 'disk'; readonly path: string }

export function source() {
  return z.union([text(parseSource), object(parseSourceObject)])
}

/** A registry on IPFS. */
export function readOnlyRoot() {
  return z.union([text(parseReadOnlyRoot), object(parseReadOnlyRootObject)])
}

/** A registry, or the word `none`. */
export function upstream() {
  return z.union([text(parseUpstream), object(parseUpstreamObject)])
}

/** The name of an upstream, or the word `none`. */
export function upstreamName() {
  return text((value) => (value === 'none' ? value : checkUpstreamName(value)))
}

/** A receiver of events. */
export function webhook() {
  return z.union([text(parseWebhook), object(parseWebhookObject)])
}

export function mirror() {
  return text(parseMirror)
}

export function map() {
  return text(parseMap)
}

/** A glob over names of repositories, with or without a registry in front. */
export function nameGlob() {
  return text(parseNameGlob)
}

export function tagGlob() {
  return text(parseTagGlob)
}

/** A glob over `/ipfs/<cid>/<path>` and `/ipns/<name>/<path>`. */
export function contentGlob() {
  return text((value) => {
    if (!/^\/(?:ipfs\/|ipns\/|\*)/.test(value)) {
      throw new ValueMistake(
        'must be a glob that begins with /ipfs/ or /ipns/, as /ipns/images.example.org/**',
      )
    }
    return value
  })
}

export function auth() {
  return text(parseAuth)
}

export function authRules() {
  return text(parseAuthRules)
}

export function publicUrl() {
  return text(parsePublicUrl)
}

/** An IP address or network. */
export function network() {
  return text(parseNetwork)
}

export function dnsServer() {
  return text((value) => {
    const server = parseDnsServer(value)
    if (server === undefined)
      throw new ValueMistake('must be an IP address with or without a port, as 1.1.1.1 or [::1]:5353')
    return server
  })
}

export function root() {
  return text(parseRoot)
}

/** Origin and path, without a slash at the end. */
export function httpUrl() {
  return text((value) => {
    const { url, user } = parseHttpUrl(value)
    if (user !== undefined) throw new ValueMistake('must be an address without a user name or password')
    return url
  })
}

function text<T>(parse: (value: string) => T) {
  return z
    .string({ error: 'must be a single value' })
    .transform((value) => value.trim())
    .refine((value) => value !== '', { error: 'must not be empty', abort: true })
    .transform(guarded(parse))
}

function object<T>(parse: (value: Readonly<Record<string, unknown>>) => T) {
  return z.record(z.string(), z.unknown()).transform(guarded(parse))
}

/** `parse` as a zod transform: the mistakes it throws become issues. */
function guarded<I, T>(parse: (value: I) => T) {
  return (value: I, context: z.RefinementCtx): T => {
    try {
      return parse(value)
    } catch (error) {
      if (!(error instanceof ValueMistake)) throw error
      context.addIssue({ code: 'custom', message: error.message })
      return z.NEVER
    }
  }
}

function within(value: number, min: number, max: number, format: (value: number) => string): number {
  if (value < min) throw new ValueMistake(`must be at least ${format(min)}`)
  if (value > max) throw new ValueMistake(`must be at most ${format(max)}`)
  return value
}
