import { homedir } from 'node:os'
import type { z } from 'zod'
import { readEnvironment, CONFIG_VARIABLE, defaultStore, kuboRepository, readProxy } from './environment.ts'
import type { Environment } from './environment.ts'
import type { Config, LoadedConfig, Origin, SettingInForce, SettingValues } from './config.ts'
import { formatOrigin } from './config.ts'
import { checkTogether } from './consistency.ts'
import { configuredSources } from './configured-sources.ts'
import { configuredUpstreams } from './configured-upstreams.ts'
import { configuredWebhooks } from './configured-webhooks.ts'
import { loadSettingsFile } from './file.ts'
import type { GivenSetting, GivenSettings } from './given.ts'
import { settingsInvalid } from './mistakes.ts'
import type { SettingMistake } from './mistakes.ts'
import { withoutSecrets } from './secrets.ts'
import { flagOf, propertyOf, SETTING_NAMES, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { textOf } from './text.ts'
import { findUpstream } from './upstream-name.ts'

/** The flags of a command line under their settings' names: `{ 'cache-size': '1GiB', public: true, source: ['kubo'] }`. */
export type Flags = Readonly<Partial<Record<SettingName, string | boolean | readonly string[]>>>

export interface ConfigInput {
  readonly flags: Flags
  readonly env: Environment
  /** The settings file of `--config`; wins over `IPFS_REGISTRY_CONFIG`. */
  readonly file?: string
  /** Text of a file: the settings file, and those with tokens, passwords and certificates. */
  readonly readFile: (path: string) => Promise<string>
  /** Home folder; that of the user by default. */
  readonly home?: string
}

/** Where it is an upstream. */
const DEFAULT_UPSTREAM = 'docker.io'

/**
 * The settings in force: each from the first of flag, environment, file and default that has it.
 *
 * @throws Failure SETTINGS_INVALID that lists every mistake, and where it stands
 */
export async function loadConfig(input: ConfigInput): Promise<LoadedConfig> {
  const home = input.home ?? homedir()
  const path = input.file ?? nonEmpty(input.env[CONFIG_VARIABLE])
  const places: GivenSettings[] = [
    readFlags(input.flags),
    readEnvironment(input.env),
    ...(path === undefined ? [] : [await loadSettingsFile(path, input.readFile)]),
    readDefaults(defaultStore(input.env, home)),
  ]
  const mistakes = places.flatMap((place) => place.mistakes)
  const proxy = readProxy(input.env, mistakes)

  const values: Record<string, unknown> = {}
  const inForce: SettingInForce[] = []
  for (const name of SETTING_NAMES) {
    // A mistake in a place that is overruled is still a mistake, so all of them are judged.
    const judged = places.map((place) => judge(name, place.settings.get(name), mistakes))
    const chosen = judged.find((one) => one !== undefined)
    values[propertyOf(name)] = settingOf(name).repeatable === true ? listOf(chosen) : chosen?.values[0]
    inForce.push({ name, texts: chosen?.texts ?? [], origin: chosen?.origin ?? { kind: 'default' } })
  }
  checkTogether(values, inForce, mistakes)
  if (mistakes.length > 0) throw settingsInvalid(mistakes)

  const checked = values as unknown as SettingValues
  const sources = await configuredSources(checked, input.readFile, mistakes)
  const upstreams = await configuredUpstreams(checked, input, mistakes)
  const webhooks = await configuredWebhooks(checked, input.readFile, mistakes)
  if (mistakes.length > 0) throw settingsInvalid(mistakes)

  const nameOf = (name: string): string | undefined => findUpstream(upstreams, name)?.name
  const config: Config = {
    ...checked,
    sources,
    upstreams,
    webhooks,
    defaultUpstream: nameOf(checked.defaultUpstream ?? DEFAULT_UPSTREAM),
    mirrors: checked.mirror.map((one) => ({ ...one, upstream: nameOf(one.upstream) ?? one.upstream })),
    proxy,
    kuboRepository: kuboRepository(input.env, home),
  }
  return { config: deepFreeze(config), inForce }
}

function readFlags(flags: Flags): GivenSettings {
  const settings = new Map<SettingName, GivenSetting>()
  for (const name of SETTING_NAMES) {
    const value = flags[name]
    if (value === undefined) continue
    const raw = typeof value === 'object' ? value : [String(value)]
    settings.set(name, { origin: { kind: 'flag', name: flagOf(name) }, raw })
  }
  return { settings, mistakes: [] }
}

function readDefaults(store: string): GivenSettings {
  const settings = new Map<SettingName, GivenSetting>()
  for (const name of SETTING_NAMES) {
    const row = settingOf(name)
    const text = name === 'store' ? store : row.default
    if (text === undefined) continue
    const raw = row.repeatable === true ? text.split(',') : [text]
    settings.set(name, { origin: { kind: 'default' }, raw })
  }
  return { settings, mistakes: [] }
}

/** Undefined where one of them is wrong: what is said of all of them would be wrong as well. */
function listOf(judged: JudgedSetting | undefined): readonly unknown[] | undefined {
  if (judged === undefined) return []
  return judged.values.length === judged.given ? judged.values : undefined
}

interface JudgedSetting {
  /** Those that are sound. */
  readonly values: readonly unknown[]
  /** How many there were. */
  readonly given: number
  readonly texts: readonly string[]
  readonly origin: Origin
}

/** The values of a given setting; what is wrong with them goes to `mistakes`. */
function judge(
  name: SettingName,
  given: GivenSetting | undefined,
  mistakes: SettingMistake[],
): JudgedSetting | undefined {
  if (given === undefined) return undefined
  const schema = settingOf(name).schema
  const values: unknown[] = []
  const texts: string[] = []
  for (const raw of given.raw) {
    const result = schema.safeParse(raw)
    if (result.success) {
      values.push(result.data)
      texts.push(textOf(result.data, raw))
    } else mistakes.push({ where: whereOf(name, given.origin, raw), problem: problemOf(result.error) })
  }
  return { values, given: given.raw.length, texts, origin: given.origin }
}

function whereOf(name: SettingName, origin: Origin, raw: unknown): string {
  const place = origin.kind === 'file' ? `${formatOrigin(origin)} ${name}` : formatOrigin(origin)
  const { shown = withoutSecrets } = settingOf(name)
  return typeof raw === 'string' ? `${place} "${shown(raw)}"` : place
}

function problemOf(error: z.ZodError): string {
  return withoutSecrets(error.issues.map(messageOfIssue).join(' and '))
}

/** A union's own message says nothing; the alternative that got furthest says what is wrong. */
function messageOfIssue(issue: z.core.$ZodIssue): string {
  if (issue.code !== 'invalid_union') return issue.message
  const all = issue.errors.flat()
  return (all.find((one) => one.code === 'custom') ?? all[0] ?? issue).message
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === undefined || text === '' ? undefined : text
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.freeze(value)
    Object.values(value).forEach(deepFreeze)
  }
  return value
}
