import { toAbsolute } from './absolute-path.ts'
import { parseHttpUrl } from './http-url.ts'
import { booleanOption, concurrencyOption, textOption } from './options.ts'
import type { Options } from './options.ts'
import { checkRewrite, parseRewrite } from './repository-glob.ts'
import { CREDENTIAL_OPTIONS, credentialsOf } from './upstream-credentials.ts'
import type { Rewrite, UpstreamHostSetting } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** In the spelling of YAML. */
export const HOST_OPTIONS = [
  'url',
  ...CREDENTIAL_OPTIONS,
  'ca',
  'rewrites',
  'private-redirects',
  'concurrency',
  'rate',
] as const

const RATE = /^(\d+(?:\.\d+)?)(?:\/s)?$/
const MAX_RATE = 10_000

/**
 * One host of an upstream.
 *
 * @param url the address, where `options` has none
 * @throws ValueMistake
 */
export function hostOf(options: Options, url: () => string): UpstreamHostSetting {
  const address = parseHttpUrl(textOption(options, 'url') ?? url())
  if (address.url.endsWith('/v2'))
    throw new ValueMistake('has an address that ends in /v2, which is where every registry is')
  const ca = textOption(options, 'ca')
  return {
    url: address.url,
    credentials: credentialsOf(options, address.user),
    caFile: ca === undefined ? undefined : toAbsolute(ca),
    rewrites: listOption(options, 'rewrites').map(rewriteOf),
    privateRedirects: booleanOption(options, 'private-redirects', false),
    concurrency: concurrencyOption(options),
    rate: rateOf(options.get('rate')),
  }
}

/** What may be given several times: a list, or one value for a list of one. */
export function listOption(options: Options, key: string): readonly unknown[] {
  const value = options.get(key)
  if (value === undefined) return []
  return Array.isArray(value) ? (value as unknown[]) : [value]
}

function rewriteOf(value: unknown): Rewrite {
  if (typeof value === 'string') return parseRewrite(value)
  const { from, to, ...rest } = (value ?? {}) as Record<string, unknown>
  if (typeof from !== 'string' || typeof to !== 'string' || Object.keys(rest).length > 0)
    throw new ValueMistake('has a rewrite that is not { from, to }')
  return checkRewrite(from, to)
}

function rateOf(value: unknown): number | undefined {
  if (value === undefined) return undefined
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : ''
  const rate = Number(RATE.exec(text)?.[1])
  if (rate > 0 && rate <= MAX_RATE) return rate
  throw new ValueMistake(`has a rate that is no number of requests a second, above 0 and at most ${MAX_RATE}`)
}
