import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createGatewaySource } from '../gateway/source.ts'
import { createDispatcher } from '../transport/dispatcher.ts'
import { createKuboSource } from './source.ts'

/** Where Kubo's gateway is when nobody changes its settings. */
const USUAL_GATEWAY = 'http://127.0.0.1:8080'

/** ms to wait for each address. */
const PATIENCE = 1000

/** A Kubo on this machine. */
export interface FoundKubo {
  /** `kubo`: the user's own, trusted, over its RPC; `gateway`: just one that is there, to be read with proofs. */
  readonly kind: 'kubo' | 'gateway'
  readonly url: string
  /** Path of a Unix socket to connect to instead of the URL's host. */
  readonly socketPath: string | undefined
}

export interface DiscoverOptions {
  /** Kubo's repo: `$IPFS_PATH`, or `~/.ipfs`. */
  readonly repo: string
  /** What a multiaddr stands for. */
  readonly endpointOf: (
    multiaddr: string,
  ) => { readonly url: string; readonly socketPath: string | undefined } | undefined
  /** Where a gateway may be found, for tests. Default: http://127.0.0.1:8080. */
  readonly usualGateway?: string
  readonly signal: AbortSignal
}

/**
 * Look for a Kubo. One that the repo's `api` file names, and that answers there, is the user's: who can write that
 * file could also write the repo. One that only answers as a trustless gateway at the usual address could be anybody's,
 * so it is to be verified. Never throws.
 */
export async function discoverKubo(options: DiscoverOptions): Promise<FoundKubo | undefined> {
  const { signal } = options
  const named = await namedByRepo(options)
  if (named !== undefined && (await answers({ kind: 'kubo', ...named }, signal)))
    return { kind: 'kubo', ...named }
  const usual = {
    kind: 'gateway',
    url: options.usualGateway ?? USUAL_GATEWAY,
    socketPath: undefined,
  } as const
  return (await answers(usual, signal)) ? usual : undefined
}

/** The address in the repo's `api` file, which a running node writes there. */
async function namedByRepo({
  repo,
  endpointOf,
}: DiscoverOptions): Promise<{ url: string; socketPath: string | undefined } | undefined> {
  try {
    const found = endpointOf((await readFile(join(repo, 'api'), 'utf8')).trim())
    return found === undefined ? undefined : { url: found.url, socketPath: found.socketPath }
  } catch {
    return undefined
  }
}

async function answers(found: FoundKubo, signal: AbortSignal): Promise<boolean> {
  const { url, socketPath } = found
  // The repo is this user's and the address this machine's: no proxy has a part in it.
  const dispatcher = createDispatcher({ socketPath })
  try {
    const source =
      found.kind === 'kubo'
        ? createKuboSource({ name: 'kubo', rpcUrl: url, dispatcher })
        : createGatewaySource({ name: 'gateway', baseUrl: url, dispatcher })
    return await source.healthy(AbortSignal.any([signal, AbortSignal.timeout(PATIENCE)]))
  } finally {
    await dispatcher.destroy()
  }
}
