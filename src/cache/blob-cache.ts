import { LRUCache } from 'lru-cache'
import type { CID } from 'multiformats/cid'
import { endBody } from '../content/closable-body.ts'
import type { ByteRange } from '../content/source.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import type { BufferPool } from './buffer-pool.ts'
import type { DiskBlobs } from './disk-blobs.ts'
import type { Fetch, VerifiedBlob } from './fill-options.ts'
import { Fill } from './fill.ts'
import { LocalSums, type OpenSums } from './stream-sums.ts'
import { PartFetches } from './part-fetches.ts'

/** Blobs up to this many bytes are kept in memory, where there is room. */
const SMALL = 256 * 1024

export interface BlobCacheOptions {
  /** Undefined for a gateway without a disk. */
  readonly disk: DiskBlobs | undefined
  readonly pool: BufferPool
  /** Bytes for manifests and small blobs. */
  readonly memorySize: number
  /** Bytes that one fetch keeps in memory. */
  readonly windowBytes: number
  /** Computes what is known of a blob when it has arrived; default: in this thread. */
  readonly openSums?: OpenSums
  /** Fetches under way at once. */
  readonly maxFills: number
  /** ms that a fetch goes on after someone's time was up. */
  readonly lingerMs: number
  /** Whether blobs from this source are kept on disk; all are by default. */
  readonly keeps?: (source: string) => boolean
  /** Called when a blob that blocks have proved to be this file has been stored on disk; must not throw. */
  readonly onStored?: (file: CID, blob: { digest: Digest; size: number }) => void
  readonly events?: CacheEvents
}

export interface CacheEvents {
  hit(kind: 'memory' | 'disk'): void
  miss(): void
  /** A blob in memory made room for another. */
  evicted(): void
  /** A blob was refused because too many are being fetched. */
  overloaded(): void
  /** A blob could not be written to disk and is served all the same. */
  writeFailed(error: unknown): void
  /** A stored blob could not be read, or its checksums were wrong. */
  readFailed(digest: Digest, error: unknown): void
}

/** What is wanted of a blob. */
export interface BlobWant {
  readonly fetch: Fetch
  /**
   * Who has the blob: a repository, or a network. A fetch is shared under one name only, since what it meets (that it is
   * not there, that it does not come) is true of this holder alone.
   */
  readonly holder: string
  /** Whether a copy that has come by another holder will do, as this one is known to have the blob too. Default true. */
  readonly held?: boolean | undefined
  /** Bytes of the whole blob where a descriptor told. */
  readonly expectedSize: number | undefined
  readonly range: ByteRange | undefined
  readonly signal: AbortSignal
}

export interface BlobBytes {
  /** Bytes of the whole blob. */
  readonly size: number
  /** `memory`, `disk`, or the name of the content source that delivers. */
  readonly source: string
  readonly cached: boolean
  /** A piece is valid until the next is asked for. */
  readonly pieces: AsyncIterable<Uint8Array>
}

/**
 * Verified blobs by digest: small ones in memory, all on disk if there is one, and single flight for what is fetched.
 * Whether the repository that is asked holds the digest at all is for the caller to know.
 */
export class BlobCache {
  private readonly memory: LRUCache<Digest, Uint8Array>
  /** By holder and digest. */
  private readonly fills = new Map<string, Fill>()
  private readonly parts = new PartFetches()
  /** Fetches that are waited for by readers far ahead of them, so that more of those had better wait too. */
  private readonly awaited = new WeakSet<Fill>()
  private readonly options: BlobCacheOptions

  constructor(options: BlobCacheOptions) {
    this.options = options
    this.memory = new LRUCache<Digest, Uint8Array>({
      maxSize: Math.max(1, options.memorySize),
      sizeCalculation: (bytes) => bytes.length + 256,
      dispose: (_bytes, _digest, reason) => {
        if (reason === 'evict') options.events?.evicted()
      },
    })
  }

  get fillCount(): number {
    return this.fills.size
  }

  /** Bytes of blobs held in memory, and of what it takes to hold them. */
  get memoryBytes(): number {
    return this.memory.calculatedSize
  }

  /** Bytes of the blob if it is here, whole and verified. */
  sizeOf(digest: Digest): number | undefined {
    return this.memory.get(digest)?.length ?? this.options.disk?.sizeOf(digest)
  }

  /** A blob that is kept in memory. */
  inMemory(digest: Digest): Uint8Array | undefined {
    return this.memory.get(digest)
  }

  /**
   * A small blob, whole.
   *
   * @param want `limit` in bytes
   * @throws Failure CONTENT_TOO_LARGE beyond the limit; what the fetch throws
   */
  async bytes(
    digest: Digest,
    want: Omit<BlobWant, 'range'> & { limit: number },
  ): Promise<{ bytes: Uint8Array; source: string; cached: boolean }> {
    const known = want.held === false ? undefined : this.memory.get(digest)
    if (known !== undefined) {
      this.options.events?.hit('memory')
      return { bytes: known, source: 'memory', cached: true }
    }
    const blob = await this.open(digest, { ...want, range: undefined })
    if (blob.size > want.limit) {
      await endBody(blob.pieces)
      throw new Failure(
        'CONTENT_TOO_LARGE',
        `${digest} has ${blob.size} bytes, more than the limit of ${want.limit}`,
      )
    }
    const pieces: Uint8Array[] = []
    for await (const piece of blob.pieces) pieces.push(new Uint8Array(piece))
    const bytes = Buffer.concat(pieces)
    this.memory.set(digest, bytes)
    return { bytes, source: blob.source, cached: blob.cached }
  }

  /** Open a blob, from here or from its source. Throws what the fetch throws. */
  async open(digest: Digest, want: BlobWant): Promise<BlobBytes> {
    if (want.held === false) return this.openMissed(digest, want)
    const small = this.memory.get(digest)
    if (small !== undefined) {
      this.options.events?.hit('memory')
      return { size: small.length, source: 'memory', cached: true, pieces: one(small, want.range) }
    }
    const stored = await this.openStored(digest, want)
    return stored ?? this.openMissed(digest, want)
  }

  /** End every fetch. */
  close(): void {
    for (const fill of [...this.fills.values()])
      fill.end(new Failure('CONTENT_UNAVAILABLE', 'the gateway stops'))
  }

  private openMissed(digest: Digest, want: BlobWant): Promise<BlobBytes> {
    this.options.events?.miss()
    return this.openFetched(digest, want)
  }

  private async openStored(digest: Digest, want: BlobWant): Promise<BlobBytes | undefined> {
    const stored = await this.options.disk?.open(digest).catch((error: unknown) => {
      this.options.events?.readFailed(digest, error)
      return undefined
    })
    if (stored === undefined) return undefined
    this.options.events?.hit('disk')
    const { start, end } = clamp(want.range, stored.size)
    const pieces = this.readStored(digest, stored.read(start, end), { start, end }, want)
    return { size: stored.size, source: 'disk', cached: true, pieces }
  }

  /** From disk (in lent buffers, so what is kept is copied: `slice` of a Buffer copies nothing), and where the disk fails, from the source on. */
  private async *readStored(
    digest: Digest,
    stored: AsyncGenerator<Uint8Array>,
    range: ByteRange,
    want: BlobWant,
  ): AsyncGenerator<Uint8Array> {
    let position = range.start
    const keep: Uint8Array[] | undefined = range.start === 0 && range.end <= SMALL ? [] : undefined
    try {
      for await (const piece of stored) {
        position += piece.length
        keep?.push(new Uint8Array(piece))
        yield piece
      }
      if (keep !== undefined && range.end === this.options.disk?.sizeOf(digest)) {
        this.memory.set(digest, Buffer.concat(keep))
      }
      return
    } catch (error) {
      if (!isFailure(error, 'CONTENT_INVALID', 'STORE_FAILED')) throw error
      this.options.events?.readFailed(digest, error)
    }
    const rest = await this.openFetched(digest, { ...want, range: { start: position, end: range.end } })
    yield* rest.pieces
  }

  private async openFetched(digest: Digest, want: BlobWant): Promise<BlobBytes> {
    const { range, signal } = want
    // Who has left already would take part in a fetch for ever.
    signal.throwIfAborted()
    const fill = this.fills.get(keyOf(digest, want))
    const near = range === undefined || range.start === 0 || fill?.reaches(range.start) === true
    const awaited = fill !== undefined && this.awaited.has(fill)
    if (!near && !awaited && this.parts.allows(digest, range, want.expectedSize)) {
      return this.parts.open(digest, range, want)
    }
    const common = fill ?? this.startFill(digest, want)
    if (!near) this.awaited.add(common)
    const { size, pieces } = await common.attach(range, signal)
    return { size, source: common.source, cached: false, pieces }
  }

  private startFill(digest: Digest, want: BlobWant): Fill {
    const { disk, pool, maxFills, windowBytes, lingerMs, events } = this.options
    if (this.fills.size >= maxFills) {
      events?.overloaded()
      throw new Failure('OVERLOADED', `${maxFills} fetches are under way, which is the limit`)
    }
    const key = keyOf(digest, want)
    const fill: Fill = new Fill({
      digest,
      fetch: want.fetch,
      expectedSize: want.expectedSize,
      windowBytes,
      pool,
      openSums: this.options.openSums ?? ((algorithm) => new LocalSums(algorithm)),
      createSpool: disk === undefined ? undefined : () => disk.createSpool(),
      onVerified: (verified) => this.keep(digest, verified),
      onSpoolFailure: (error) => events?.writeFailed(error),
      onEnd: () => {
        if (this.fills.get(key) === fill) this.fills.delete(key)
      },
      lingerMs,
      resumeMs: lingerMs,
    })
    this.fills.set(key, fill)
    return fill
  }

  private async keep(digest: Digest, verified: VerifiedBlob): Promise<void> {
    const { size, sums, spool, sources, cid } = verified
    const { disk, keeps, onStored, events } = this.options
    const bytes = size <= SMALL ? verified.bytes() : undefined
    if (bytes !== undefined) this.memory.set(digest, bytes)
    if (spool === undefined || disk === undefined) return
    try {
      if (keeps === undefined || sources.every(keeps)) {
        await disk.commit(spool, { digest, size, sums })
        if (cid !== undefined) onStored?.(cid, { digest, size })
      } else await spool.discard()
    } catch (error) {
      events?.writeFailed(error)
      await spool.discard()
    }
  }
}

function keyOf(digest: Digest, { holder }: BlobWant): string {
  return `${holder} ${digest}`
}

function clamp(range: ByteRange | undefined, size: number): ByteRange {
  if (range === undefined) return { start: 0, end: size }
  return { start: Math.min(range.start, size), end: Math.min(range.end, size) }
}

async function* one(bytes: Uint8Array, range: ByteRange | undefined): AsyncGenerator<Uint8Array> {
  yield range === undefined ? bytes : bytes.subarray(range.start, range.end)
}
