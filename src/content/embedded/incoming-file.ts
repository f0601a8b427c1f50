import { createHash } from 'node:crypto'
import type { BufferPool } from '../../cache/buffer-pool.ts'
import type { DiskBlobs } from '../../cache/disk-blobs.ts'
import type { Spool } from '../../cache/spool.ts'
import { openLocalSums, type OpenSums, type StreamSums } from '../../cache/stream-sums.ts'
import { Failure, messageOf, systemCodeOf } from '../../errors.ts'
import type { AddedFile } from '../../publish/target.ts'
import { digestOf, type Digest, type DigestAlgorithm } from '../../reference/digest.ts'
import { FileDagBuilder, LEAF_SIZE, type FileDag } from '../unixfs/file-dag.ts'
import type { BlockTable } from './block-table.ts'
import { LeafList } from './leaf-list.ts'

/** A file whose last byte has come. */
export interface WholeFile {
  /** By the algorithm that was asked for. */
  readonly digest: Digest
  readonly dag: FileDag
}

export interface IncomingFileOptions {
  /** Of the digest. */
  readonly algorithm: DigestAlgorithm
  /** Bytes that are expected. Default: not known. */
  readonly size?: number
  /** What computes digest, checksums and leaves. Default: this thread. */
  readonly openSums?: OpenSums
}

/**
 * A file on its way into the embedded store: hashed, cut into blocks and written as it comes. What of it does not fit
 * on a page is on disk; a gigabyte takes some 100 KB of memory.
 *
 * Everything throws Failure STORE_FAILED when the disk does, or what hashes; then it can only be discarded.
 */
export class IncomingFile {
  /** Bytes so far. */
  size = 0
  readonly algorithm: DigestAlgorithm
  private readonly spool: Spool
  private readonly sums: StreamSums
  private readonly leaves = new LeafList()
  private readonly dag = new FileDagBuilder({ onLeaf: (leaf) => this.leaves.add(leaf) })
  /** The hashing of the newest piece. */
  private summing: Promise<void> = Promise.resolve()

  private constructor(spool: Spool, { algorithm, size, openSums }: Required<IncomingFileOptions>) {
    this.spool = spool
    this.algorithm = algorithm
    const onPart = (hash: Uint8Array, length: number): void => this.dag.push(hash, length)
    this.sums = openSums(algorithm, size, { size: LEAF_SIZE, onPart })
  }

  static async create(blobs: DiskBlobs, options: IncomingFileOptions): Promise<IncomingFile> {
    const spool = await storing(() => blobs.createSpool())
    return new IncomingFile(spool, { size: Infinity, openSums: openLocalSums, ...options })
  }

  /** Append a piece, which the caller leaves unchanged from now on. */
  async append(piece: Uint8Array): Promise<void> {
    await this.take(piece)
    await storing(() => this.spool.append(piece))
  }

  /** Append a piece; what was written before it is the caller's again when this resolves. */
  async write(piece: Uint8Array): Promise<void> {
    const before = this.take(piece)
    await storing(() => this.spool.write(piece))
    await before
  }

  /** Resolves when everything is in the file, and the caller's again. */
  async flush(): Promise<void> {
    await storing(() => this.spool.flush())
    await this.summing
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
  async finish(): Promise<WholeFile> {
    const hex = await hashing(() => this.sums.digest())
    return { digest: digestOf(this.algorithm, hex), dag: this.dag.finish() }
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
      await store.blobs.commit(this.spool, { digest, size, sums: this.sums.chunks.finish() })
      for (const leaves of this.leaves.batches()) await store.table.putLeaves(digest, leaves)
      await store.table.putFile(cid, { digest, size, dagSize }, dag.innerBlocks, { published: true })
    })
    return { cid, size, dagSize }
  }

  /** Remove what is not kept, and let go of it. */
  async discard(): Promise<void> {
    this.sums.close()
    await this.spool.discard()
    await this.spool.close()
  }

  /** Begin to hash a piece. @returns resolves when those before it are hashed, and the caller's again */
  private take(piece: Uint8Array): Promise<void> {
    const before = this.summing
    this.size += piece.length
    this.summing = hashing(() => this.sums.update(piece))
    // Whoever waits for it, with the next piece or at the end, hears of it.
    this.summing.catch(() => undefined)
    return before
  }
}

/** What was not hashed is lost: the bytes can't be gone through once more. */
async function hashing<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work()
  } catch (error) {
    throw new Failure('STORE_FAILED', messageOf(error), { cause: error })
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
