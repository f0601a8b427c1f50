import { booleanOption, splitAtEquals } from './options.ts'
import type { Options } from './options.ts'
import { parseRepositoryGlob } from './repository-glob.ts'
import { closest, didYouMean } from './suggestion.ts'
import { HOST_OPTIONS, hostOf, listOption } from './upstream-host.ts'
import { checkMainName, checkUpstreamName, defaultUrl, knownAliases } from './upstream-name.ts'
import type { UpstreamHostSetting, UpstreamSetting } from './upstream-setting.ts'
import { ValueMistake } from './value-mistake.ts'

/** In the spelling of YAML. */
const OPTIONS = ['name', 'aliases', 'fallbacks', 'allow', 'deny', 'redirect-clients', ...HOST_OPTIONS]

/** What may be given several times in the text form, and its key in YAML. */
const LISTS: Readonly<Record<string, string>> = {
  alias: 'aliases',
  fallback: 'fallbacks',
  rewrite: 'rewrites',
  allow: 'allow',
  deny: 'deny',
}
const TEXT_OPTIONS = [
  ...Object.keys(LISTS),
  ...OPTIONS.filter((key) => key !== 'name' && !Object.values(LISTS).includes(key)),
]

/**
 * `NAME`, `NAME=URL`, each with `;option=value` after it, or `none`.
 *
 * @throws ValueMistake
 */
export function parseUpstream(text: string): UpstreamSetting | 'none' {
  if (text === 'none') return 'none'
  const [head = '', ...extras] = text.split(';')
  const [name, url] = splitAtEquals(head)
  const options = new Map<string, unknown>([['name', name.trim()]])
  if (url !== undefined) options.set('url', url.trim())
  for (const extra of extras.filter((part) => part.trim() !== '')) addOption(options, extra.trim())
  return upstreamOf(options)
}

function addOption(options: Map<string, unknown>, text: string): void {
  const [key, value] = splitAtEquals(text)
  if (value === undefined && hasSecret(options))
    throw new ValueMistake('has an option without a value; a secret with a semicolon belongs into a file')
  if (value === undefined) throw new ValueMistake(`has the option "${key}" without a value`)
  checkKey(key, TEXT_OPTIONS)
  const list = LISTS[key]
  if (list !== undefined) options.set(list, [...listOption(options, list), value])
  else if (options.has(key)) throw new ValueMistake(`has the option "${key}" twice`)
  else options.set(key, value)
}

/** What follows a secret may be the rest of it. */
function hasSecret(options: Options): boolean {
  return options.has('password') || options.has('identity-token')
}

/**
 * A YAML object: `{ name, url, aliases, fallbacks, allow, deny, … }`.
 *
 * @throws ValueMistake
 */
export function parseUpstreamObject(object: Readonly<Record<string, unknown>>): UpstreamSetting {
  return upstreamOf(optionsOf(object))
}

function upstreamOf(options: Options): UpstreamSetting {
  const name = options.get('name')
  if (typeof name !== 'string' || name === '') throw new ValueMistake('needs a "name"')
  for (const key of options.keys()) checkKey(key, OPTIONS)
  checkMainName(name)
  const main = hostOf(options, () => defaultUrl(name))
  return {
    name,
    aliases: aliasesOf(name, texts(options, 'aliases')),
    hosts: [main, ...listOption(options, 'fallbacks').map(fallbackOf)],
    allow: texts(options, 'allow').map(parseRepositoryGlob),
    deny: texts(options, 'deny').map(parseRepositoryGlob),
    redirectClients: booleanOption(options, 'redirect-clients', false),
  }
}

function aliasesOf(name: string, given: readonly string[]): string[] {
  const known = knownAliases(name)
  return [...known, ...given.map(checkUpstreamName).filter((alias) => !known.includes(alias))]
}

/** A fall-back shares nothing with the host before it: neither its credentials, nor what they are protected by. */
function fallbackOf(value: unknown): UpstreamHostSetting {
  try {
    if (typeof value !== 'string' && (typeof value !== 'object' || value === null))
      throw new ValueMistake('is neither a URL nor an object with a "url"')
    const options = optionsOf(typeof value === 'string' ? { url: value } : value)
    for (const key of options.keys()) checkKey(key, HOST_OPTIONS)
    return hostOf(options, () => {
      throw new ValueMistake('needs a "url"')
    })
  } catch (error) {
    if (!(error instanceof ValueMistake)) throw error
    throw new ValueMistake(`has a fall-back that ${error.message}`)
  }
}

/** A key without a value is one that is not set. */
function optionsOf(object: object): Options {
  return new Map(Object.entries(object).filter(([, value]) => value !== null))
}

function texts(options: Options, key: string): string[] {
  return listOption(options, key).map((value) => {
    if (typeof value !== 'string') throw new ValueMistake(`has something in "${key}" that is no text`)
    return value
  })
}

function checkKey(key: string, known: readonly string[]): void {
  if (known.includes(key)) return
  throw new ValueMistake(`has the unknown option "${key}"${didYouMean(closest(key, known))}`)
}
