import { ValueMistake } from './value-mistake.ts'

/** Key and value of the options of a source or an upstream, from `;key=value` or a YAML object. */
export type Options = ReadonlyMap<string, unknown>

export const MAX_CONCURRENCY = 10_000

/** Undefined where it is not given. @throws ValueMistake for what is no text */
export function textOption(options: Options, key: string): string | undefined {
  const value = options.get(key)
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value === '') throw new ValueMistake(`has an empty or malformed "${key}"`)
  return value
}

/** @throws ValueMistake */
export function booleanOption(options: Options, key: string, otherwise: boolean): boolean {
  const value = options.get(key)
  if (value === undefined) return otherwise
  if (value === true || value === 'true') return true
  if (value === false || value === 'false') return false
  throw new ValueMistake(`has the option "${key}" that is neither true nor false`)
}

/** Undefined where it is not given. @throws ValueMistake */
export function concurrencyOption(options: Options): number | undefined {
  const value = options.get('concurrency')
  if (value === undefined) return undefined
  const count = Number(value)
  if (Number.isInteger(count) && count >= 1 && count <= MAX_CONCURRENCY) return count
  throw new ValueMistake(`has a concurrency that is no whole number from 1 to ${MAX_CONCURRENCY}`)
}

/** What is before the first `=`, and what is after it. */
export function splitAtEquals(text: string): [string, string | undefined] {
  const at = text.indexOf('=')
  return at === -1 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)]
}
