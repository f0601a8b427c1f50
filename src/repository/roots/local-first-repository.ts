import { isFailure } from '../../errors.ts'
import type { Digest } from '../../reference/digest.ts'
import type {
  BlobAnswer,
  BlobPurpose,
  ManifestAnswer,
  ReferrerList,
  Repository,
  TagList,
} from '../repository.ts'
import type { TagsWanted } from '../tag-pages.ts'
import type { RootRepository } from './root-repository.ts'

/**
 * A name that a root of ours may have: if it does, nothing else is asked, whatever the root lacks of it. What has been
 * sent to the root for a repository that is still to come is there already, and by HEAD only that: whoever pushes asks
 * so what need not be sent.
 */
export class LocalFirstRepository implements Repository {
  readonly #local: RootRepository
  readonly #elsewhere: () => Repository
  readonly #elsewhereIsOurs: boolean

  /**
   * @param elsewhere what the name stands for where the root does not have it; throws where it stands for nothing
   * @param elsewhereIsOurs whether that is another root of ours, to which things may have been sent as well
   */
  constructor(local: RootRepository, elsewhere: () => Repository, elsewhereIsOurs = false) {
    this.#local = local
    this.#elsewhere = elsewhere
    this.#elsewhereIsOurs = elsewhereIsOurs
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    return (await this.#place(signal)).manifestByTag(tag, signal)
  }

  async manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return (await this.#place(signal)).manifestByDigest(digest, signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    try {
      return await this.#local.blob(digest, purpose, signal)
    } catch (error) {
      const onlySent = purpose === 'head' && !this.#elsewhereIsOurs
      if (!isFailure(error, 'NAME_UNKNOWN') || onlySent) throw error
      return this.#elsewhere().blob(digest, purpose, signal)
    }
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    return (await this.#place(signal)).tags(wanted, signal)
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    try {
      return await (await this.#place(signal)).referrers(subject, signal)
    } catch (error) {
      if (!isFailure(error, 'NAME_UNKNOWN')) throw error
      return this.#local.referrers(subject, signal)
    }
  }

  async #place(signal: AbortSignal): Promise<Repository> {
    return (await this.#local.exists(signal)) ? this.#local : this.#elsewhere()
  }
}
