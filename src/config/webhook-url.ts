import type { HttpUrl } from './http-url.ts'
import { parseHttpUrl } from './http-url.ts'
import { ValueMistake } from './value-mistake.ts'

/**
 * The address of a receiver: unlike other addresses it may have a query, and a slash at its end counts.
 *
 * @throws ValueMistake
 */
export function parseWebhookUrl(value: unknown): HttpUrl {
  if (typeof value !== 'string' || value === '') throw new ValueMistake('needs a "url"')
  const [base = '', ...query] = value.split('?')
  const { user } = parseHttpUrl(base)
  const url = new URL([base, ...query].join('?'))
  if (url.hash !== '') throw new ValueMistake('has an address with a fragment')
  url.username = url.password = ''
  return { url: url.href, user }
}
