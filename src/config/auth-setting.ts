import { isIP } from 'node:net'
import { toAbsolute } from './absolute-path.ts'
import { parseHttpUrl } from './http-url.ts'
import { splitAtEquals } from './options.ts'
import { ValueMistake } from './value-mistake.ts'

/** How clients show who they are. */
export type AuthSetting =
  | { readonly kind: 'auto' | 'none' }
  | {
      readonly kind: 'htpasswd'
      /** Absolute path of the password file. */
      readonly file: string
    }

/** `auto`, `none` or `htpasswd=FILE` @throws ValueMistake */
export function parseAuth(text: string): AuthSetting {
  const [word, file] = splitAtEquals(text)
  const kind = word.trim().toLowerCase()
  if ((kind === 'auto' || kind === 'none') && file === undefined) return { kind }
  if (kind === 'htpasswd' && file !== undefined && file.trim() !== '')
    return { kind, file: toAbsolute(file.trim()) }
  throw new ValueMistake('must be auto, none or htpasswd=FILE')
}

/** `private`, `public`, or the absolute path of a file. */
export function parseAuthRules(text: string): string {
  const word = text.toLowerCase()
  return word === 'private' || word === 'public' ? word : toAbsolute(text)
}

/** The origin of a URL: a registry is at the root of its host. @throws ValueMistake */
export function parsePublicUrl(text: string): string {
  const { url, user } = parseHttpUrl(text)
  if (user !== undefined || new URL(url).origin !== url) {
    throw new ValueMistake('must be a URL of scheme and host only, as https://registry.example.org')
  }
  return url
}

/** A network of addresses. */
export interface Network {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  /** Bits that its addresses have in common. */
  readonly prefix: number
}

/** `IP[/BITS]` @throws ValueMistake */
export function parseNetwork(text: string): Network {
  const [address = '', bits, ...more] = text.split('/')
  const family = isIP(address)
  const longest = family === 6 ? 128 : 32
  const prefix = bits === undefined ? longest : Number(bits)
  if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits ?? '0') || prefix > longest)
    throw new ValueMistake('must be an IP address or network, as 10.0.0.0/8 or fd00::/8')
  return { address, family: family === 6 ? 'ipv6' : 'ipv4', prefix }
}
