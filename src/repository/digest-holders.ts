import { isFailure } from '../errors.ts'
import type { Digest } from '../reference/digest.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  ReferrerList,
  Repository,
  TagList,
} from './repository.ts'
import type { TagsWanted } from './tag-pages.ts'

/**
 * Versions of a repository, newest first. Tags are those of the newest; digests are looked for in each, since a pull goes
 * on in the version that it began with.
 */
export class DigestHolders implements Repository {
  readonly #newest: Repository
  readonly #others: readonly Repository[]

  constructor(newest: Repository, others: readonly Repository[]) {
    this.#newest = newest
    this.#others = others
  }

  manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.#newest.manifestByTag(tag, signal)
  }

  manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return this.#ask((one) => one.manifestByDigest(digest, signal), signal)
  }

  blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return this.#ask((one) => one.blob(digest, purpose, signal), signal)
  }

  tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    return this.#newest.tags(wanted, signal)
  }

  referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    return this.#newest.referrers(subject, signal)
  }

  /** @throws what the newest throws, where no other has it */
  async #ask<T>(ask: (one: Repository) => Promise<T>, signal: AbortSignal): Promise<T> {
    try {
      return await ask(this.#newest)
    } catch (error) {
      if (!isFailure(error, 'BLOB_UNKNOWN', 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) throw error
      for (const other of this.#others) {
        const found = await ask(other).catch(() => undefined)
        signal.throwIfAborted()
        if (found !== undefined) return found
      }
      throw error
    }
  }
}
