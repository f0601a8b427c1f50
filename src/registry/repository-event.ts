import type { IncomingMessage } from 'node:http'
import type { Digest } from '../reference/digest.ts'

/** What a request has changed in a repository, once that is durable. `name` is that of the repository, as in the URL. */
export type RepositoryEvent =
  | {
      readonly kind: 'manifest-pushed'
      readonly name: string
      readonly digest: Digest
      readonly mediaType: string
      /** Bytes. */
      readonly size: number
      /** One of those that the request set; undefined where it set none. */
      readonly tag: string | undefined
      /** `/ipfs/<cid>` of the repository's layout with the manifest; undefined where that is not to be told. */
      readonly contentPath: string | undefined
    }
  | { readonly kind: 'manifest-deleted'; readonly name: string; readonly digest: Digest }
  | { readonly kind: 'tag-deleted'; readonly name: string; readonly tag: string }
  | { readonly kind: 'blob-pushed'; readonly name: string; readonly digest: Digest; readonly size: number }
  | {
      readonly kind: 'blob-mounted'
      readonly name: string
      readonly digest: Digest
      readonly size: number
      /** Repository that it was taken from. */
      readonly from: string
    }
  | { readonly kind: 'blob-deleted'; readonly name: string; readonly digest: Digest }

/** Told of each change, before its answer. Must neither throw nor wait for anything. */
export type OnRepositoryEvent = (event: RepositoryEvent, req: IncomingMessage) => void
