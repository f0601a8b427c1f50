import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { Failure } from '../errors.ts'

/** A network of addresses: those whose first `prefix` bits are those of `address`. */
export interface Network {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly prefix: number
}

const HOST = /^(?:[\w.-]+|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/

/** Sees the client behind the proxies in front of this gateway. */
export class Clients {
  readonly #proxies = new BlockList()
  readonly #publicUrl: string | undefined

  /** @param publicUrl origin that clients reach this gateway by; undefined: that of their request */
  constructor(proxies: readonly Network[], publicUrl: string | undefined) {
    for (const { address, prefix, family } of proxies) this.#proxies.addSubnet(address, prefix, family)
    this.#publicUrl = publicUrl
  }

  /** The client's address: the last one in `X-Forwarded-For` that is no trusted proxy's, where one says so. */
  addressOf(req: IncomingMessage): string {
    const direct = plain(req.socket.remoteAddress ?? '')
    if (!this.#isProxy(direct)) return direct
    const forwarded = String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((one) => plain(one.trim()))
      .filter((one) => isIP(one) !== 0)
    return forwarded.findLast((one) => !this.#isProxy(one)) ?? direct
  }

  /**
   * `https://registry.example.org`, as the client has called this gateway.
   *
   * @throws Failure REQUEST_INVALID for a `Host` that is none
   */
  originOf(req: IncomingMessage): string {
    if (this.#publicUrl !== undefined) return this.#publicUrl
    const { host = `127.0.0.1:${req.socket.localPort ?? 80}` } = req.headers
    if (!HOST.test(host)) throw new Failure('REQUEST_INVALID', 'the Host of the request is none')
    return `${this.#isSecure(req) ? 'https' : 'http'}://${host}`
  }

  #isSecure(req: IncomingMessage): boolean {
    if ((req.socket as Partial<TLSSocket>).encrypted === true) return true
    if (!this.#isProxy(plain(req.socket.remoteAddress ?? ''))) return false
    const [first = ''] = String(req.headers['x-forwarded-proto'] ?? '').split(',')
    return first.trim().toLowerCase() === 'https'
  }

  #isProxy(address: string): boolean {
    const family = isIP(address)
    return family !== 0 && this.#proxies.check(address, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** Without a zone, and IPv4 as itself. */
function plain(address: string): string {
  return address.replace(/%.*/, '').replace(/^::ffff:(?=\d+\.)/i, '')
}
