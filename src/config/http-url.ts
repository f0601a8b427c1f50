import { ValueMistake } from './value-mistake.ts'

/** A URL without what must not be shown. */
export interface HttpUrl {
  /** Origin and path, without a slash at the end. */
  readonly url: string
  /** Who is named before the host, percent-decoded. A password there would end up in logs and metrics. */
  readonly user: { readonly name: string; readonly password: string } | undefined
}

/** @throws ValueMistake */
export function parseHttpUrl(value: string): HttpUrl {
  const url = URL.canParse(value) ? new URL(value) : undefined
  if (url === undefined || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new ValueMistake('has an address that is no http:// or https:// URL')
  }
  if (url.search !== '' || url.hash !== '')
    throw new ValueMistake('has an address with a query or a fragment')
  return {
    url: url.origin + url.pathname.replace(/\/+$/, ''),
    user:
      url.username === '' && url.password === ''
        ? undefined
        : { name: decoded(url.username), password: decoded(url.password) },
  }
}

/** The header that carries a user's password (RFC 7617). */
export function basic({ name, password }: { name: string; password: string }): { authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}` }
}

/** Percent-decoding that leaves a stray % as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
