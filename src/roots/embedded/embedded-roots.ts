import type { CID } from 'multiformats/cid'
import { EMBEDDED } from '../../content/embedded/source.ts'
import { Failure } from '../../errors.ts'
import type { RootStore } from '../root-store.ts'
import { collect } from './collect.ts'
import { KeptContent, type EmbeddedStore } from './kept-content.ts'
import { StagedFiles } from './staged-files.ts'
import type { SweepOptions, Swept } from './sweep.ts'
import { EmbeddedUploads, MAX_UPLOADS } from './uploads.ts'
import { EmbeddedVersions } from './versions.ts'

export interface EmbeddedRootsOptions {
  /** The store on disk, which this process holds. */
  readonly store: EmbeddedStore
  /** ms that an upload without a request is kept, and a blob that no manifest names. */
  readonly uploadTimeout: number
  /** Versions of a root that are kept, the current one included. */
  readonly history: number
  readonly maxUploads?: number
  /** ms since the epoch */
  readonly now?: () => number
}

export interface CollectOptions extends SweepOptions {
  /** Roots that are kept besides those that are pinned, pushed or staged. */
  readonly keep?: readonly CID[]
}

/** Roots in the embedded store. */
export interface EmbeddedRoots extends RootStore {
  /** End uploads that are idle, and drop staged blobs that are old. What they were made of stays until {@link collect}. */
  sweep(signal: AbortSignal): Promise<void>
  /**
   * Remove from the disk what is not reached from anything published, imported, pushed or staged.
   *
   * @throws Failure STORE_FAILED; what has been removed by then was garbage
   */
  collect(options: CollectOptions): Promise<Swept>
  /**
   * Keep no longer what was published or imported under this CID. It goes when garbage is collected, unless something
   * else reaches it.
   *
   * @throws Failure CONTENT_NOT_FOUND when it was not
   */
  unpublish(cid: CID, signal: AbortSignal): Promise<void>
  /** End all uploads. */
  close(): Promise<void>
}

export function createEmbeddedRoots(options: EmbeddedRootsOptions): EmbeddedRoots {
  const { store, uploadTimeout, history, maxUploads = MAX_UPLOADS, now = Date.now } = options
  const kept = new KeptContent(store)
  const staged = new StagedFiles({ kept, timeout: uploadTimeout, now })
  const uploads = new EmbeddedUploads({ kept, staged, maxUploads, now })
  const versions = new EmbeddedVersions({ kept, history, now })
  return {
    name: EMBEDDED,
    blocks: kept.blocks,
    uploads,
    staged,
    versions,
    async sweep(signal) {
      await uploads.endIdle(uploadTimeout)
      await staged.dropOld(signal)
    },
    collect: ({ keep = [], ...rest }) =>
      collect(
        kept,
        [() => store.table.pinned(), () => versions.all(), () => staged.files(), () => keep],
        rest,
      ),
    async unpublish(cid, signal) {
      signal.throwIfAborted()
      if (await store.table.unpin(cid)) return
      throw new Failure('CONTENT_NOT_FOUND', `${cid.toString()} was not published or imported here`)
    },
    close: () => uploads.close(),
  }
}
