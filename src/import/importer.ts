import type { PublishInput, PublishProgress } from '../publish/publisher.ts'

export interface ImportRequest {
  /** A CAR, or an IPNS record. */
  readonly input: PublishInput
  /** IPNS key of a record, where the name of its file does not say it. */
  readonly name?: string
  /** Keep what a CAR has of roots that are incomplete. */
  readonly allowIncomplete: boolean
  readonly signal: AbortSignal
  readonly onProgress?: (progress: PublishProgress) => void
}

export interface ImportedRoot {
  /** As in the CAR. */
  readonly root: string
  /** Blocks below and including the root that no root before it leads to, and their bytes. */
  readonly blocks: number
  readonly bytes: number
}

export interface ImportedCar {
  readonly kind: 'car'
  readonly roots: readonly ImportedRoot[]
  /** Blocks of the CAR that no root leads to: they are not kept. */
  readonly unreachable: number
  /** Blocks that the roots lead to and that are neither in the CAR nor in the store. */
  readonly missing: number
}

export interface ImportedRecord {
  readonly kind: 'ipns-record'
  /** The key in base36. */
  readonly name: string
  /** `/ipfs/…` or `/ipns/…` */
  readonly value: string
  /** In decimal. */
  readonly sequence: string
  /** ISO 8601. */
  readonly validUntil: string
}

export type ImportResult = ImportedCar | ImportedRecord

/**
 * Puts CARs and IPNS records into the store.
 *
 * @throws Failure IMPORT_INVALID, CONTENT_INVALID, CONTENT_UNAVAILABLE saying what is wrong with it; nothing is kept
 *   then
 */
export interface Importer {
  import(request: ImportRequest): Promise<ImportResult>
}
