import { Failure } from '../../errors.ts'

/** What an archive may take before it is refused. */
export interface ArchiveLimits {
  /** Bytes once decompressed. */
  readonly maxBytes: number
  /** Files, folders and links. */
  readonly maxEntries: number
  /** Times that a compressed archive may grow, beyond its first `freeBytes`. */
  readonly maxRatio: number
  readonly freeBytes: number
}

const GIB = 1024 ** 3

export const ARCHIVE_LIMITS: ArchiveLimits = {
  maxBytes: 256 * GIB,
  maxEntries: 200_000,
  maxRatio: 100,
  freeBytes: GIB,
}

/** Counts what goes into decompression and what comes out, and refuses what grows beyond all measure. */
export class GrowthLimit {
  readonly #limits: ArchiveLimits
  #read = 0
  #made = 0

  constructor(limits: ArchiveLimits) {
    this.#limits = limits
  }

  read(count: number): void {
    this.#read += count
  }

  /** @throws Failure LAYOUT_INVALID */
  made(count: number): void {
    this.#made += count
    const { maxBytes, maxRatio, freeBytes } = this.#limits
    if (this.#made > maxBytes) {
      throw new Failure('LAYOUT_INVALID', `the archive has more than the ${maxBytes} bytes it may have`)
    }
    if (this.#made > freeBytes && this.#made > maxRatio * this.#read) {
      const growth = `its first ${this.#read} bytes become more than ${maxRatio} times as many`
      throw new Failure('LAYOUT_INVALID', `the archive looks like a decompression bomb: ${growth}`)
    }
  }
}
