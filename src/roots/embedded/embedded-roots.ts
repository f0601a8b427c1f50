import type { CID } from 'multiformats/cid'
import { openLocalSums, type OpenSums } from '../../cache/stream-sums.ts'
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
  /** What hashes the blobs. Default: this thread. */
  readonly openSums?: OpenSums
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
   * Let go of what {@link sweep} does and of versions that are older than the history, then {@link collect}. A dry run
   * tells what that would remove, and changes nothing.
   *
   * @throws as {@link collect}
   */
  release(options: CollectOptions): Promise<Swept>
  /** Names of the roots that have versions. */
  roots(signal: AbortSignal): Promise<readonly string[]>
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
  const { store, uploadTimeout, history, openSums = openLocalSums, now = Date.now } = options
  const { maxUploads = MAX_UPLOADS } = options
  const kept = new KeptContent(store)
  const staged = new StagedFiles({ kept, timeout: uploadTimeout, now })
  const uploads = new EmbeddedUploads({ kept, staged, maxUploads, openSums, now })
  const versions = new EmbeddedVersions({ kept, history, now })
  const sweep = async (signal: AbortSignal): Promise<void> => {
    await uploads.endIdle(uploadTimeout)
    await staged.dropOld(signal)
  }
  const collectAll = ({ keep = [], ...rest }: CollectOptions): Promise<Swept> =>
    collect(kept, [() => store.table.pinned(), () => versions.all(), () => staged.files(), () => keep], rest)
  return {
    name: EMBEDDED,
    blocks: kept.blocks,
    uploads,
    staged,
    versions,
    sweep,
    collect: collectAll,
    async release(options) {
      const { dryRun, keep = [], signal } = options
      if (!dryRun) {
        await sweep(signal)
        await versions.dropOld(signal)
        return collectAll(options)
      }
      const needed = [() => store.table.pinned(), () => versions.inHistory(signal), () => staged.current()]
      return collect(kept, [...needed, () => keep], options)
    },
    roots: (signal) => versions.roots(signal),
    async unpublish(cid, signal) {
      signal.throwIfAborted()
      if (await store.table.unpin(cid)) return
      throw new Failure('CONTENT_NOT_FOUND', `${cid.toString()} was not published or imported here`)
    },
    close: () => uploads.close(),
  }
}
