import { LRUCache } from 'lru-cache'
import { childrenOf, type Manifest } from '../../layout/manifest.ts'
import { isManifestType } from '../../layout/media-type.ts'
import type { Digest } from '../../reference/digest.ts'
import type { RecordStore } from '../record-store.ts'
import { upTo } from '../../cache/up-to.ts'

/** What a tag meant when its upstream was asked last. */
export interface KnownTag {
  readonly digest: Digest
  /** Time of that, in ms since 1970. */
  readonly checked: number
}

/** A manifest or blob that a repository is known to hold. */
export interface KnownContent {
  /** Bytes; undefined where nothing has told. */
  readonly size: number | undefined
  /** Of a manifest; '' where nothing has told. */
  readonly mediaType: string
}

/** Tags, and manifests and blobs, kept in memory. */
const KEPT_TAGS = 20_000
const KEPT_CONTENTS = 100_000

/**
 * What upstream repositories are known to hold, from what they answered: what each tag meant, and which digests belong
 * to which repository. The bytes are in the cache, which knows nothing of repositories.
 *
 * `repository` is the canonical name, with its registry in front.
 */
export class KnownImages {
  private readonly tags = new LRUCache<string, KnownTag>(upTo(KEPT_TAGS))
  private readonly contents = new LRUCache<string, KnownContent>(upTo(KEPT_CONTENTS))
  private readonly savedTags: RecordStore<KnownTag | null> | undefined
  private readonly savedContents: RecordStore<KnownContent> | undefined

  /** @param saved without it nothing is known after a restart */
  constructor(saved?: { tags: RecordStore<KnownTag | null>; contents: RecordStore<KnownContent> }) {
    this.savedTags = saved?.tags
    this.savedContents = saved?.contents
  }

  async tag(repository: string, tag: string): Promise<KnownTag | undefined> {
    const key = `${repository}:${tag}`
    const known = this.tags.get(key)
    if (known !== undefined) return known
    const saved = (await this.savedTags?.get(key)) ?? undefined
    if (saved !== undefined) this.tags.set(key, saved)
    return saved
  }

  setTag(repository: string, tag: string, known: KnownTag): void {
    const key = `${repository}:${tag}`
    const before = this.tags.get(key)
    this.tags.set(key, known)
    // The time alone is not worth a write each time: after a restart the tag is asked for again anyway.
    if (before?.digest !== known.digest || Math.abs(known.checked - before.checked) > 60_000) {
      this.savedTags?.put(key, known)
    }
  }

  /** The upstream says that there is no such tag any more. */
  async forgetTag(repository: string, tag: string): Promise<void> {
    if ((await this.tag(repository, tag)) === undefined) return
    const key = `${repository}:${tag}`
    this.tags.delete(key)
    this.savedTags?.put(key, null)
  }

  async content(repository: string, digest: Digest): Promise<KnownContent | undefined> {
    const key = `${repository}@${digest}`
    const known = this.contents.get(key)
    if (known !== undefined) return known
    const saved = await this.savedContents?.get(key)
    if (saved !== undefined) this.contents.set(key, saved)
    return saved
  }

  /** Of media types only those of manifests are kept: others are of no use, and as long as whoever made them likes. */
  setContent(repository: string, digest: Digest, { size, mediaType }: KnownContent): void {
    const content = { size, mediaType: isManifestType(mediaType) ? mediaType : '' }
    const key = `${repository}@${digest}`
    const before = this.contents.get(key)
    if (before !== undefined && before.size === (content.size ?? before.size)) return
    this.contents.set(key, content)
    this.savedContents?.put(key, content)
  }

  /** A manifest that the repository holds, and with it what the manifest consists of. */
  setManifest(repository: string, digest: Digest, size: number, manifest: Manifest): void {
    this.setContent(repository, digest, { size, mediaType: manifest.mediaType })
    for (const child of childrenOf(manifest)) {
      this.setContent(repository, child.digest, { size: child.size, mediaType: child.mediaType })
    }
  }
}
