import { Failure } from '../errors.ts'

/** Largest manifests that are in memory at once while they are pushed; of the usual ones there is room for thousands. */
const LARGEST_AT_ONCE = 16

/** The memory that pushed manifests may take from their first byte until they are stored. */
export class ManifestRoom {
  /** Bytes of the largest manifest that is taken. */
  readonly largest: number
  private free: number

  constructor(largest: number) {
    this.largest = largest
    this.free = largest * LARGEST_AT_ONCE
  }

  /**
   * Do something with a manifest in memory.
   *
   * @param size bytes; undefined where the client does not say how many it sends
   * @throws Failure OVERLOADED when there is no room for it now
   */
  async hold<T>(size: number | undefined, use: () => Promise<T>): Promise<T> {
    const taken = Math.min(size ?? this.largest, this.largest)
    if (taken > this.free) {
      throw new Failure('OVERLOADED', 'as many manifests are being pushed as this gateway has memory for')
    }
    this.free -= taken
    try {
      return await use()
    } finally {
      this.free += taken
    }
  }
}
