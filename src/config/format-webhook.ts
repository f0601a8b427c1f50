import { splitAtEquals } from './options.ts'
import { withoutSecrets } from './secrets.ts'
import { formatDuration } from './units.ts'
import { DEFAULT_TIMEOUT } from './webhook-setting.ts'
import type { WebhookSetting } from './webhook-setting.ts'

const SHOWN_OPTION = /^(?:name|token-file|header-file\.[\w-]+|event|batch|timeout)$/

/** What `parseWebhook` takes, without secrets. */
export function formatWebhook(webhook: WebhookSetting): string {
  const parts = [showWebhook(webhook.url)]
  if (webhook.name !== new URL(webhook.url).host) parts.push(`name=${webhook.name}`)
  for (const name of Object.keys(webhook.headers)) parts.push(`header.${name}=***`)
  for (const [name, path] of Object.entries(webhook.headerFiles)) parts.push(`header-file.${name}=${path}`)
  if (webhook.tokenFile !== undefined) parts.push(`token-file=${webhook.tokenFile}`)
  for (const event of webhook.events) parts.push(`event=${event}`)
  if (webhook.batch !== 1) parts.push(`batch=${webhook.batch}`)
  if (webhook.timeout !== DEFAULT_TIMEOUT) parts.push(`timeout=${formatDuration(webhook.timeout)}`)
  return parts.join(';')
}

/** A webhook as it was written, for messages: of its URL only the origin. */
export function showWebhook(text: string): string {
  const [url = '', ...extras] = text.split(';')
  const [, origin = '', path = ''] = /^(\s*[a-z]+:\/\/(?:[^/?#]*@)?[^/?#]*)(.*)$/is.exec(url) ?? ['', '***']
  const shown = path === '' || path === '/' ? origin + path : `${origin}/***`
  // What is no option may be the rest of a secret.
  const options = extras.map((part) => {
    const [key, value] = splitAtEquals(part.trim())
    return SHOWN_OPTION.test(key) ? part : value === undefined ? '***' : `${key}=***`
  })
  return [withoutSecrets(shown), ...options].join(';')
}
