import type { SettingMistake } from '../config/mistakes.ts'
import { settingsInvalid } from '../config/mistakes.ts'
import type { Failure } from '../errors.ts'

/** Bytes that a mapping may have. */
export const LARGEST_MAPPING = 2 ** 20

/** Mistakes that are told; more are counted only. */
const TOLD = 100

/**
 * @param where path of the mapping, for the message
 * @throws Failure SETTINGS_INVALID when it is too large, or no UTF-8
 */
export function decodeMapping(bytes: Uint8Array, where: string): string {
  if (bytes.byteLength > LARGEST_MAPPING) throw tooLarge(where)
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw mappingInvalid(where, [{ where, problem: 'is no UTF-8' }])
  }
}

export function tooLarge(where: string): Failure {
  return mappingInvalid(where, [{ where, problem: 'is larger than 1 MiB' }])
}

/** SETTINGS_INVALID with a line for each mistake, the first hundred of them. */
export function mappingInvalid(where: string, mistakes: readonly SettingMistake[]): Failure {
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`
  const title = `the mapping of names ${where} has ${count}:`
  if (mistakes.length <= TOLD) return settingsInvalid(mistakes, title)
  const rest = { where, problem: `${mistakes.length - TOLD} more` }
  return settingsInvalid([...mistakes.slice(0, TOLD), rest], title)
}
