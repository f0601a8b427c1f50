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

/** What a request asks for: what a name leads to now, or something that it may have led to when a pull began. */
export type AskedFor = 'newest' | 'digest'

/** A repository of which it is found out with each request where it is. So what a tag means is not to be kept by anybody. */
export class PlacedRepository implements Repository {
  readonly #place: (asked: AskedFor, signal: AbortSignal) => Promise<Repository>

  constructor(place: (asked: AskedFor, signal: AbortSignal) => Promise<Repository>) {
    this.#place = place
  }

  async manifestByTag(tag: string, signal: AbortSignal): Promise<ManifestAnswer> {
    const answer = await (await this.#place('newest', signal)).manifestByTag(tag, signal)
    return { ...answer, maxAge: undefined }
  }

  async manifestByDigest(digest: Digest, signal: AbortSignal): Promise<ManifestAnswer> {
    return (await this.#place('digest', signal)).manifestByDigest(digest, signal)
  }

  async blob(digest: Digest, purpose: BlobPurpose, signal: AbortSignal): Promise<BlobAnswer> {
    return (await this.#place('digest', signal)).blob(digest, purpose, signal)
  }

  async tags(wanted: TagsWanted, signal: AbortSignal): Promise<TagList> {
    return (await this.#place('newest', signal)).tags(wanted, signal)
  }

  async referrers(subject: Digest, signal: AbortSignal): Promise<ReferrerList> {
    return (await this.#place('digest', signal)).referrers(subject, signal)
  }
}
