import { createHash } from 'node:crypto'
import type { BufferPool } from '../../cache/buffer-pool.ts'
import { ChunkSums } from '../../cache/chunk-sums.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import type { Spool } from '../../cache/spool.ts'
import { Failure, messageOf, systemCodeOf } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import { digestOf, type Digest, type DigestAlgorithm } from '../../reference/digest.ts'
import { FileDagBuilder, type FileDag } from '../unixfs/file-dag.ts'
import type { BlockTable } from './block-table.ts'
import { LeafList } from './leaf-list.ts'

/** A file whose last byte has come. */
export interface WholeFile {
  /** By the algorithm that was asked for. */
  readonly digest: Digest
  readonly dag: FileDag
}

/**
 * A file on its way into the embedded store: hashed, cut into blocks and written as it comes. What of it does not fit
 * on a page is on disk; a gigabyte takes some 100 KB of memory.
 *
 * Everything throws Failure STORE_FAILED when the disk does; then it can only be discarded.
 */
export class IncomingFile {
  /** Bytes so far. */
  size = 0
  readonly algorithm: DigestAlgorithm
  private readonly spool: Spool
  private readonly hash
  private readonly sums = new ChunkSums()
  private readonly leaves = new LeafList()
  private readonly dag = new FileDagBuilder({ onLeaf: (leaf) => this.leaves.add(leaf) })

  private constructor(spool: Spool, algorithm: DigestAlgorithm) {
    this.spool = spool
    this.algorithm = algorithm
    this.hash = createHash(algorithm)
  }

  static async create(blobs: DiskBlobs, algorithm: DigestAlgorithm): Promise<IncomingFile> {
    return new IncomingFile(await storing(() => blobs.createSpool()), algorithm)
  }

  /** Append a piece, which the caller leaves unchanged from now on. */
  async append(piece: Uint8Array): Promise<void> {
    this.take(piece)
    await storing(() => this.spool.append(piece))
  }

  /** Append a piece; what was written before it is the caller's again when this resolves. */
  async write(piece: Uint8Array): Promise<void> {
    this.take(piece)
    await storing(() => this.spool.write(piece))
  }

  /** Resolves when everything is in the file, and the caller's again. */
  async flush(): Promise<void> {
    await storing(() => this.spool.flush())
  }

  /** Read all of it once more. */
  async digestBy(algorithm: DigestAlgorithm, pool: BufferPool, signal: AbortSignal): Promise<Digest> {
    const hash = createHash(algorithm)
    await this.flush()
    for (let position = 0; position < this.size;) {
      signal.throwIfAborted()
      const at = position
      const { buffer, bytes } = await storing(() => this.spool.read(at, this.size - at, pool))
      hash.update(buffer.subarray(0, bytes))
      pool.give(buffer)
      if (bytes === 0) throw new Failure('STORE_FAILED', 'a file in the making has been cut')
      position += bytes
    }
    return digestOf(algorithm, hash.digest('hex'))
  }

  /** There is no more to come. Call once. */
  finish(): WholeFile {
    return { digest: digestOf(this.algorithm, this.hash.digest('hex')), dag: this.dag.finish() }
  }

  /** The disk has all of it when this resolves, so that publishing it takes less. */
  async sync(): Promise<void> {
    await storing(() => this.spool.sync())
  }

  /**
   * Make the finished file a blob with its blocks, unless the store has it already.
   *
   * @param digest which its bytes are known to have; the caller holds it
   */
  async keep(
    store: { readonly blobs: DiskBlobs; readonly table: BlockTable },
    digest: Digest,
    dag: FileDag,
  ): Promise<AddedFile> {
    const { cid, size, dagSize } = dag
    await storing(async () => {
      await store.blobs.commit(this.spool, { digest, size, sums: this.sums.finish() })
      for (const leaves of this.leaves.batches()) await store.table.putLeaves(digest, leaves)
      await store.table.putFile(cid, { digest, size, dagSize }, dag.innerBlocks, { published: true })
    })
    return { cid, size, dagSize }
  }

  /** Remove what is not kept, and let go of it. */
  async discard(): Promise<void> {
    await this.spool.discard()
    await this.spool.close()
  }

  private take(piece: Uint8Array): void {
    this.hash.update(piece)
    this.dag.write(piece)
    this.sums.update(piece)
    this.size += piece.length
  }
}

/** Errors of the disk and the database, told as a person needs them. */
export async function storing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof Failure) throw error
    const reason = messageOf(error)
    const isFull =
      ['ENOSPC', 'EDQUOT'].includes(systemCodeOf(error) ?? '') || reason.includes('No space left')
    const advice = isFull
      ? 'its disk is full. Free some space on it, or collect garbage (ipfs-registry gc); restart the gateway if that does not help'
      : reason
    throw new Failure('STORE_FAILED', `the store on disk failed: ${advice}`, { cause: error })
  }
}
