import { Authority } from './certificates.ts'
import { ConnectProxy } from './connect-proxy.ts'
import { Registry } from './registry.ts'
import type { Teardown } from './teardown.ts'

/** Where programs reach docker.io, which is not where its name says. */
const DOCKER_HUB = 'registry-1.docker.io'

/**
 * The registries of the world as programs reach them by themselves, without any network: docker.io, and every name
 * that is given, over TLS through an HTTP proxy.
 */
export class Hub {
  /** The one registry behind all the names. */
  readonly registry: Registry
  readonly #proxy: ConnectProxy
  /** Path of the certificate that is to be trusted, PEM. */
  readonly authority: string

  private constructor(registry: Registry, proxy: ConnectProxy, authority: string) {
    this.registry = registry
    this.#proxy = proxy
    this.authority = authority
  }

  static async start(teardown: Teardown, ...names: string[]): Promise<Hub> {
    const authority = await Authority.create(teardown)
    const all = [DOCKER_HUB, ...names]
    const tls = await authority.issue(...all.map((name) => `DNS:${name}`))
    const registry = await Registry.start(teardown, { tls })
    const proxy = await ConnectProxy.start(teardown)
    for (const name of all) proxy.hosts.set(`${name}:443`, registry.host)
    return new Hub(registry, proxy, authority.cert)
  }

  /** Variables of the environment by which a program written in Go finds and trusts it. */
  get environment(): Record<string, string> {
    return { ...this.#proxy.environment, SSL_CERT_FILE: this.authority }
  }

  /** What was asked for so far: `registry-1.docker.io:443`. */
  get asked(): string[] {
    return this.#proxy.asked
  }
}
