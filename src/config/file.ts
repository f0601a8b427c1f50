import { isMap, isScalar, LineCounter, parseDocument } from 'yaml'
import type { Document } from 'yaml'
import { messageOf } from '../errors.ts'
import type { GivenSetting, GivenSettings } from './given.ts'
import type { SettingMistake } from './mistakes.ts'
import { SETTING_NAMES, settingOf } from './settings.ts'
import type { SettingName } from './settings.ts'
import { closest, didYouMean } from './suggestion.ts'

/** Settings given in a YAML file: one mapping from names to values. A key without a value is one that is not set. */
export function readSettingsFile(path: string, text: string): GivenSettings {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => ({
      where: `${path} line ${lines.linePos(error.pos[0]).line}`,
      problem: `is no YAML: ${error.message}`,
    }))
    return { settings: new Map(), mistakes }
  }
  if (document.contents === null) return { settings: new Map(), mistakes: [] }
  if (!isMap(document.contents)) {
    return {
      settings: new Map(),
      mistakes: [{ where: path, problem: 'must be a mapping of settings to values' }],
    }
  }
  let values: Record<string, unknown>
  try {
    values = valueOf(document)
  } catch (error) {
    // Aliases without a target, or too many of them.
    return { settings: new Map(), mistakes: [{ where: path, problem: `is no YAML: ${messageOf(error)}` }] }
  }
  return readKeys(path, values, (offset) => lines.linePos(offset).line, keyOffsets(document))
}

function readKeys(
  path: string,
  values: Record<string, unknown>,
  lineOf: (offset: number) => number,
  offsets: ReadonlyMap<string, number>,
): GivenSettings {
  const settings = new Map<SettingName, GivenSetting>()
  const mistakes: SettingMistake[] = []
  for (const [key, value] of Object.entries(values)) {
    const offset = offsets.get(key)
    const line = offset === undefined ? undefined : lineOf(offset)
    const where = line === undefined ? `${path} "${key}"` : `${path} line ${line} "${key}"`
    const name = SETTING_NAMES.find((one) => one === key)
    if (name === undefined) {
      const suggestion = didYouMean(closest(key, SETTING_NAMES))
      mistakes.push({ where, problem: `there is no such setting${suggestion}` })
    } else if (Array.isArray(value) && settingOf(name).repeatable !== true) {
      mistakes.push({ where, problem: 'must be a single value, not a list' })
    } else if (value !== null) {
      const raw = (Array.isArray(value) ? (value as unknown[]) : [value]).map(scalarText)
      settings.set(name, { origin: { kind: 'file', path, line }, raw })
    }
  }
  return { settings, mistakes }
}

/** Flags and the environment know text alone, so numbers and booleans become what a person would have typed there. */
function scalarText(value: unknown): unknown {
  return typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
    ? String(value)
    : value
}

function valueOf(document: Document): Record<string, unknown> {
  return document.toJS({ maxAliasCount: 100 }) as Record<string, unknown>
}

function keyOffsets(document: Document): Map<string, number> {
  const offsets = new Map<string, number>()
  if (!isMap(document.contents)) return offsets
  for (const { key } of document.contents.items) {
    if (isScalar(key) && key.range !== undefined && key.range !== null)
      offsets.set(String(key.value), key.range[0])
  }
  return offsets
}

/** Reads the file, or says why that failed. */
export async function loadSettingsFile(
  path: string,
  readFile: (path: string) => Promise<string>,
): Promise<GivenSettings> {
  let text: string
  try {
    text = await readFile(path)
  } catch (error) {
    const mistake = { where: path, problem: `could not be read: ${messageOf(error)}` }
    return { settings: new Map(), mistakes: [mistake] }
  }
  return readSettingsFile(path, text)
}
