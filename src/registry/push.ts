import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'
import type { Digest } from '../reference/digest.ts'
import type { Asked } from '../repository/repositories.ts'
import type { WritableRepository } from '../repository/writable-repository.ts'
import type { Action } from './access.ts'
import type { OnRepositoryEvent, RepositoryEvent } from './repository-event.ts'

/** What a gateway that takes pushes needs to know. */
export interface PushOptions {
  /**
   * The repository that is changed under a name, or that blobs are mounted from: a pull. Undefined for a name that
   * nothing is pushed to here.
   *
   * @throws Failure NAME_INVALID, DENIED, ROOT_UNREADABLE
   */
  readonly find: (
    name: string,
    asked: Asked,
    action: Action,
    signal: AbortSignal,
  ) => Promise<WritableRepository | undefined>
  /** Names of repositories that hold a blob, for mounts that do not say where from; left out, these find none. */
  readonly holders?: ((digest: Digest, signal: AbortSignal) => Promise<readonly string[]>) | undefined
  /** Whether tags, manifests and blobs may be deleted. */
  readonly deletes: boolean
  /** Bytes of a manifest. */
  readonly maxManifestSize: number
  /** Names that clients know this gateway by, besides those of the loopback: in lower case, without a port. */
  readonly hosts: readonly string[]
  readonly onEvent?: OnRepositoryEvent | undefined
}

/** A request that writes, with the repository that it writes to. */
export interface PushRequest {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  readonly exchange: Exchange
  /** Of the repository, as in the URL. */
  readonly name: string
  readonly repository: WritableRepository
  /** To be called when the change is durable. */
  readonly changed: (event: RepositoryEvent) => void
}
