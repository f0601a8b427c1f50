import type { Endpoint } from '../../content/transport/endpoint.ts'
import type { BlockReader } from '../../content/unixfs/blocks.ts'
import type { KuboAddress } from '../../publish/kubo/rpc.ts'
import type { Folders } from './folders.ts'
import type { MfsReader } from './mfs.ts'
import type { MfsWriter } from './mfs-writer.ts'

/** A Kubo, and our folder in it. */
export interface Node {
  readonly kubo: KuboAddress
  readonly endpoint: Endpoint
  readonly blocks: BlockReader
  readonly mfs: MfsReader
  readonly writer: MfsWriter
  readonly folders: Folders
  /** ms since the epoch. */
  readonly now: () => number
}
