import { closableBody, endBody } from '../content/closable-body.ts'
import type { ByteRange } from '../content/source.ts'
import { Failure } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import type { BlobBytes, BlobWant } from './blob-cache.ts'

/** Parts of blobs, each fetched for one reader: held to block proofs where the source gives them, never cached. */
export class PartFetches {
  /** Bytes asked for and not yet read to their end, or given up. */
  private readonly underWay = new Map<Digest, number>()

  /**
   * Whether this part and those under way are no more bytes than the blob has. If they were, as when everyone goes on
   * at once after a broken download, one fetch of the whole blob for all of them would cost its source less.
   */
  allows(digest: Digest, range: ByteRange, expectedSize: number | undefined): boolean {
    // Who goes on after a broken download wants it up to its end.
    const size = expectedSize ?? range.end
    return (this.underWay.get(digest) ?? 0) + lengthOf(range) <= size
  }

  /** @throws Failure CONTENT_INVALID when the blob has not the size it should have; what the fetch throws */
  async open(digest: Digest, range: ByteRange, want: BlobWant): Promise<BlobBytes> {
    const end = this.begin(digest, lengthOf(range))
    try {
      const { expectedSize, fetch, signal } = want
      const file = await fetch(range, signal)
      if (expectedSize !== undefined && file.size !== expectedSize) {
        await endBody(file.body)
        file.discredit(`it has ${file.size} bytes instead of ${expectedSize}`)
        throw new Failure('CONTENT_INVALID', `${file.source} has ${file.size} bytes, not ${expectedSize}`)
      }
      const pieces = closableBody(passOn(file.body), () => {
        end()
        void endBody(file.body)
      })
      return { size: file.size, source: file.source, cached: false, pieces }
    } catch (error) {
      end()
      throw error
    }
  }

  private begin(digest: Digest, bytes: number): () => void {
    this.underWay.set(digest, (this.underWay.get(digest) ?? 0) + bytes)
    return () => {
      const left = (this.underWay.get(digest) ?? 0) - bytes
      if (left > 0) this.underWay.set(digest, left)
      else this.underWay.delete(digest)
    }
  }
}

function lengthOf({ start, end }: ByteRange): number {
  return Math.max(0, end - start)
}

async function* passOn(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
  yield* body
}
