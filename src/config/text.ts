import type { AuthSetting } from './auth-setting.ts'
import { formatMap } from './map-setting.ts'
import type { MapSetting } from './map-setting.ts'
import { withoutSecrets } from './secrets.ts'
import { formatReadOnlyRoot } from './read-only-root.ts'
import type { ReadOnlyRootSetting } from './read-only-root.ts'
import { formatUpstream } from './format-upstream.ts'
import { formatSource } from './source-setting.ts'
import type { SourceSetting } from './source-setting.ts'
import type { UpstreamSetting } from './upstream-setting.ts'
import type { StoreSetting } from './value.ts'
import { formatWebhook } from './format-webhook.ts'
import type { WebhookSetting } from './webhook-setting.ts'

/** A value as a flag would have it, without secrets: paths made absolute, otherwise as it was written. */
export function textOf(value: unknown, raw: unknown): string {
  if (typeof value === 'string') return withoutSecrets(value)
  if (isStore(value)) return value.kind === 'memory' ? 'memory' : value.path
  if (isWebhook(value)) return formatWebhook(value)
  if (isSource(value)) return formatSource(value)
  if (isUpstream(value)) return formatUpstream(value)
  if (isMap(value)) return formatMap(value)
  if (isPasswordFile(value)) return `htpasswd=${value.file}`
  if (isReadOnlyRoot(value)) return formatReadOnlyRoot(value)
  return withoutSecrets(String(raw))
}

function isStore(value: unknown): value is StoreSetting {
  return isOfKind(value, ['memory', 'disk'])
}

function isReadOnlyRoot(value: unknown): value is ReadOnlyRootSetting {
  return typeof value === 'object' && value !== null && 'follow' in value
}

function isMap(value: unknown): value is MapSetting {
  return isOfKind(value, ['file', 'ipfs'])
}

function isPasswordFile(value: unknown): value is AuthSetting & { kind: 'htpasswd' } {
  return isOfKind(value, ['htpasswd'])
}

function isOfKind(value: unknown, kinds: readonly string[]): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && kinds.includes(String(value.kind))
}

function isWebhook(value: unknown): value is WebhookSetting {
  return typeof value === 'object' && value !== null && 'headerFiles' in value
}

function isSource(value: unknown): value is SourceSetting {
  return typeof value === 'object' && value !== null && 'headers' in value
}

function isUpstream(value: unknown): value is UpstreamSetting {
  return typeof value === 'object' && value !== null && 'hosts' in value
}
