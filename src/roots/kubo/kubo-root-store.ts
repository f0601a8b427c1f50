import { endpointAt } from '../../content/transport/endpoint.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { RootStore } from '../root-store.ts'
import { storedBlocks } from './blocks.ts'
import { Folders } from './folders.ts'
import { MfsReader } from './mfs.ts'
import { MfsWriter } from './mfs-writer.ts'
import type { Node } from './node.ts'
import { KuboStagedBlobs } from './staged-blobs.ts'
import { sweep } from './sweep.ts'
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
  /** ms since the epoch. Default: the clock. */
  readonly now?: () => number
}

export interface KuboRootStore extends RootStore {
  /** Remove what is older than the time-out. To be called from time to time, by one gateway or by all. */
  sweep(signal: AbortSignal): Promise<void>
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
  const node: Node = {
    kubo,
    endpoint,
    blocks,
    mfs: new MfsReader(kubo),
    writer: new MfsWriter(kubo, blocks),
    folders: new Folders(options.folder ?? '/ipfs-registry'),
    now: options.now ?? Date.now,
  }
  const staged = new KuboStagedBlobs(node)
  return {
    name: 'kubo',
    blocks,
    staged,
    uploads: new KuboUploads(node, staged, options.uploadTimeout),
    versions: new KuboRootVersions(node, options.history),
    sweep: (signal) => sweep(node, options.uploadTimeout, signal),
  }
}
