import type { CID } from 'multiformats/cid'
import type { ByteRange, OpenedFile } from '../content/source.ts'
import type { IntakeOptions } from './intake.ts'
import type { Spool } from './spool.ts'

/** Opens the blob at its source, whole or a part of it. */
export type Fetch = (range: ByteRange | undefined, signal: AbortSignal) => Promise<OpenedFile>

export interface FillOptions extends IntakeOptions {
  readonly fetch: Fetch
  /** Bytes of the blob, where a descriptor told. */
  readonly expectedSize: number | undefined
  /** Called when every byte is there and the digest is right; must not throw. */
  readonly onVerified: (verified: VerifiedBlob) => Promise<void>
  /** Called when the fill is of no use to newcomers any more. */
  readonly onEnd: () => void
  /** ms that a fetch goes on for someone whose time was up before the first byte. */
  readonly lingerMs: number
  /** ms that a part of a blob is kept for someone who comes back for the rest. */
  readonly resumeMs: number
}

export interface VerifiedBlob {
  readonly size: number
  readonly sums: Uint32Array
  readonly spool: Spool | undefined
  /** Names of the sources it came from. */
  readonly sources: readonly string[]
  /** The file it is, where every source proved it by its blocks. */
  readonly cid: CID | undefined
  /** The whole blob, when it still is in memory. */
  bytes(): Uint8Array | undefined
}
