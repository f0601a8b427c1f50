import { X509Certificate } from 'node:crypto'
import type { LookupFunction } from 'node:net'
import tls from 'node:tls'
import { Agent, EnvHttpProxyAgent, type Dispatcher } from 'undici'
import { outlastingPool } from './outlasting-socket.ts'

/**
 * Bytes of an answer that wait unread for one connection. What waits is joined when it is read: with twice as many, the
 * copies keep the garbage collector busy for as long as all else takes, with half as many TLS comes in pieces too small.
 */
const SOCKET_BUFFER = 128 * 1024

/** What connections to one place are made through. */
export interface DispatcherOptions {
  /** A Unix socket instead of the host in the URL; never through a proxy. */
  readonly socketPath?: string | undefined
  /** Proxies by the scheme of what is asked for, and who is asked without; undefined: no proxy at all. */
  readonly proxy?:
    | {
        readonly httpProxy: string | undefined
        readonly httpsProxy: string | undefined
        readonly noProxy: string
      }
    | undefined
  /** PEM certificates of authorities that are trusted besides those that Node.js trusts. */
  readonly ca?: string | undefined
  /** Finds the addresses of host names, where no proxy does. */
  readonly lookup?: LookupFunction | undefined
}

/** A dispatcher of undici. To be destroyed by whoever makes it. @throws Error for what is no PEM certificate */
export function createDispatcher({ socketPath, proxy, ca, lookup }: DispatcherOptions): Dispatcher {
  const trust = ca === undefined ? {} : { secureContext: contextTrusting(ca) }
  const options = {
    factory: outlastingPool,
    connections: 256,
    pipelining: 1,
    keepAliveTimeout: 30_000,
    // However long a server says that it would wait: what a burst has opened is not kept for ten minutes.
    keepAliveMaxTimeout: 60_000,
    // Patience is the sources' own business: they know a slow reader from a stalled answer.
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      timeout: 10_000,
      highWaterMark: SOCKET_BUFFER,
      ...(socketPath === undefined ? {} : { socketPath }),
      ...(lookup === undefined ? {} : { lookup }),
      ...trust,
    },
  }
  if (proxy === undefined || socketPath !== undefined) return new Agent(options)
  return new EnvHttpProxyAgent({
    ...options,
    ...(proxy.httpProxy === undefined ? {} : { httpProxy: proxy.httpProxy }),
    ...(proxy.httpsProxy === undefined ? {} : { httpsProxy: proxy.httpsProxy }),
    noProxy: proxy.noProxy,
    // Of the TLS inside of a proxy's tunnel.
    ...(ca === undefined ? {} : { requestTls: trust }),
  })
}

/** Made once, since reading all the authorities for each connection takes longer than the connection. */
function contextTrusting(ca: string): tls.SecureContext {
  // What is no certificate would be passed over in silence.
  new X509Certificate(ca)
  return tls.createSecureContext({ ca: [...trustedByDefault(), ca] })
}

/** With those of NODE_EXTRA_CA_CERTS, where Node.js can tell (since 22.15). */
function trustedByDefault(): readonly string[] {
  const { getCACertificates } = tls as { getCACertificates?: (type: 'default') => string[] }
  return getCACertificates?.('default') ?? tls.rootCertificates
}
