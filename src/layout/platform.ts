import type { JsonObject } from './json-object.ts'
import { stringOf } from './json-object.ts'

/**
 * `linux/amd64`, `linux/arm/v7`, from the platform of a descriptor or the fields of an image config.
 *
 * @returns undefined when it does not say both system and architecture
 */
export function formatPlatform(platform: JsonObject | undefined): string | undefined {
  const os = stringOf(platform?.['os'])
  const architecture = stringOf(platform?.['architecture'])
  if (os === undefined || architecture === undefined) return undefined
  const variant = stringOf(platform?.['variant'])
  return [os, architecture, ...(variant === undefined || variant === '' ? [] : [variant])].join('/')
}

/** Whether it is what BuildKit gives to attestations, which nobody can run. */
export function isUnknownPlatform(platform: JsonObject | undefined): boolean {
  return platform?.['os'] === 'unknown' && platform['architecture'] === 'unknown'
}
