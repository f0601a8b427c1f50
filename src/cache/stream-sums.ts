import { createHash } from 'node:crypto'
import { PartHashes, type HashedParts } from '../content/part-hashes.ts'
import type { DigestAlgorithm } from '../reference/digest.ts'
import { ChunkSums } from './chunk-sums.ts'

/** What is computed of a stream as it goes by: the checksums of its chunks, and in the end its digest. */
export interface StreamSums {
  /** Of the chunks that {@link update} has resolved for; all of them when {@link digest} has. */
  readonly chunks: ChunkSums
  /**
   * Take the next piece, which stays as it is until the promise resolves. Pieces count in the order they are given in;
   * none needs to wait for the one before.
   *
   * @throws Failure CONTENT_UNAVAILABLE when it can't be computed
   */
  update(piece: Uint8Array): Promise<void>
  /** The digest of all pieces, in hex; call once, at the end. @throws as {@link update} */
  digest(): Promise<string>
  /** Nothing more of it is wanted. */
  close(): void
}

/**
 * Opens the sums of a stream.
 *
 * @param size bytes that are expected; Infinity where that is not known
 * @param parts hashed as well; the last one is when {@link StreamSums.digest} resolves
 */
export type OpenSums = (algorithm: DigestAlgorithm, size: number, parts?: HashedParts) => StreamSums

/** Opens sums that are computed where the pieces are. */
export const openLocalSums: OpenSums = (algorithm, _size, parts) => new LocalSums(algorithm, parts)

/** Computed at once, in this thread. */
export class LocalSums implements StreamSums {
  readonly chunks = new ChunkSums()
  private readonly hash
  private readonly parts: PartHashes | undefined

  constructor(algorithm: DigestAlgorithm, parts?: HashedParts) {
    this.hash = createHash(algorithm)
    this.parts = parts === undefined ? undefined : new PartHashes(parts)
  }

  async update(piece: Uint8Array): Promise<void> {
    this.hash.update(piece)
    this.chunks.update(piece)
    this.parts?.update(piece)
  }

  async digest(): Promise<string> {
    this.parts?.finish()
    return this.hash.digest('hex')
  }

  close(): void {
    // Nothing is held.
  }
}
