/** What a request shows of who sends it. */
export type ShownCredentials =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string }
  /** Of a scheme that is not known here, or malformed. */
  | { readonly kind: 'unreadable' }

/** Read an `Authorization` header (RFC 9110, 11.6.2; RFC 7617; RFC 6750). */
export function readAuthorization(header: string | undefined): ShownCredentials {
  if (header === undefined) return { kind: 'nothing' }
  const [, scheme = '', value = ''] = /^(\S+) +(\S+) *$/.exec(header) ?? []
  switch (scheme.toLowerCase()) {
    case 'bearer':
      return { kind: 'token', token: value }
    case 'basic':
      return readBasic(value)
    default:
      return { kind: 'unreadable' }
  }
}

function readBasic(value: string): ShownCredentials {
  const text = Buffer.from(value, 'base64').toString()
  const colon = text.indexOf(':')
  // bcrypt ends at the first zero byte: what follows it would be as good as anything else.
  if (colon <= 0 || text.includes('\0')) return { kind: 'unreadable' }
  return { kind: 'password', user: text.slice(0, colon), password: text.slice(colon + 1) }
}
