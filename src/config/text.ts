import { withoutSecrets } from './secrets.ts'
import { formatSource } from './source-setting.ts'
import type { SourceSetting } from './source-setting.ts'
import type { StoreSetting } from './value.ts'

/** A value as a flag would have it, without secrets: paths made absolute, otherwise as it was written. */
export function textOf(value: unknown, raw: unknown): string {
  if (typeof value === 'string') return withoutSecrets(value)
  if (isStore(value)) return value.kind === 'memory' ? 'memory' : value.path
  if (isSource(value)) return formatSource(value)
  return withoutSecrets(String(raw))
}

function isStore(value: unknown): value is StoreSetting {
  return (
    typeof value === 'object' &&
    value !== null &&
    'kind' in value &&
    ['memory', 'disk'].includes(String(value.kind))
  )
}

function isSource(value: unknown): value is SourceSetting {
  return typeof value === 'object' && value !== null && 'headers' in value
}
