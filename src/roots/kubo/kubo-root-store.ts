import { endpointAt } from '../../content/transport/endpoint.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { RootStore } from '../root-store.ts'
import { storedBlocks } from './blocks.ts'
import { Folders } from './folders.ts'
import { MfsReader } from './mfs.ts'
import { MfsWriter } from './mfs-writer.ts'
import type { Node } from './node.ts'
import type { SegmentLimits } from './part-reader.ts'
import { KuboStagedBlobs } from './staged-blobs.ts'
import { outdated, remove, type Outdated } from './sweep.ts'
import { KuboUploads } from './uploads.ts'
import { KuboRootVersions } from './versions.ts'

export interface KuboRootStoreOptions {
  readonly kubo: KuboAddress
  /** Folder of MFS that everything is in. Default `/ipfs-registry`. */
  readonly folder?: string
  /** Versions of a root that are kept, the current one included. */
  readonly history: number
  /** ms that an upload without a request is kept, and a staged blob. */
  readonly uploadTimeout: number
  /** What is added to Kubo at a time; see {@link KuboUploadsOptions}. */
  readonly segment?: SegmentLimits
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number
}

export interface KuboRootStore extends RootStore {
  /** Remove what is older than the time-out. To be called from time to time, by one gateway or by all. */
  sweep(signal: AbortSignal): Promise<void>
  /**
   * As {@link sweep}, and versions that are older than the history as well. The node's own garbage collection, which is
   * never run from here, frees what nothing else holds.
   *
   * @param options `dryRun`: only tell
   */
  release(options: { readonly dryRun: boolean }, signal: AbortSignal): Promise<Outdated>
  /** Names of the roots that have versions. */
  roots(signal: AbortSignal): Promise<readonly string[]>
}

/**
 * Roots in a Kubo node, over its RPC. Any number of gateways may write to one node: all they share is Kubo's MFS, where
 * an entry holds what is below it against garbage collection, and is made by one only of those who try.
 */
export function createKuboRootStore(options: KuboRootStoreOptions): KuboRootStore {
  const { kubo } = options
  const { dispatcher, headers = {} } = kubo
  const endpoint = endpointAt(kubo.baseUrl, { name: 'kubo', dispatcher, headers })
  const blocks = storedBlocks(endpoint)
  const mfs = new MfsReader(kubo, blocks)
  const node: Node = {
    kubo,
    endpoint,
    blocks,
    mfs,
    writer: new MfsWriter(kubo, mfs),
    folders: new Folders(options.folder ?? '/ipfs-registry'),
    now: options.now ?? Date.now,
  }
  const staged = new KuboStagedBlobs(node)
  const versions = new KuboRootVersions(node, options.history)
  return {
    name: 'kubo',
    blocks,
    staged,
    uploads: new KuboUploads(node, staged, { timeout: options.uploadTimeout, segment: options.segment }),
    versions,
    sweep: async (signal) => remove(node, await outdated(node, options.uploadTimeout, signal), signal),
    async release({ dryRun }, signal) {
      const { paths, pins } = await outdated(node, options.uploadTimeout, signal)
      const all = { paths: [...paths, ...(await versions.beyondHistory(signal))], pins }
      if (!dryRun) await remove(node, all, signal)
      return all
    },
    roots: (signal) => versions.roots(signal),
  }
}
