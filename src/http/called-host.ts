import { isIP } from 'node:net'

/** The name in a `Host` header, in lower case, IPv6 addresses without brackets; undefined for what is none. */
export function hostNameOf(host: string): string | undefined {
  try {
    return new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, '$1')
  } catch {
    return undefined
  }
}

/** Whether a name or an address, as {@link hostNameOf} gives it, leads to this machine and no other. */
export function isLoopback(name: string): boolean {
  if (name === 'localhost' || name.endsWith('.localhost') || name === '::1') return true
  return isIP(name) === 4 && name.startsWith('127.')
}
