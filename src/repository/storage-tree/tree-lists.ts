import { formatContentPath, type ContentPath, type ContentSource } from '../../content/source.ts'
import { isFailure } from '../../errors.ts'
import { digestOf, isDigest, type Digest } from '../../reference/digest.ts'
import { isTag } from '../../reference/tag.ts'
import { PathFacts } from '../path-facts.ts'
import { revisionsIn, tagsIn, type StorageTree } from './storage-tree.ts'

/** Entries of a folder that are read. */
const MOST_ENTRIES = 100_000
/** Lists kept in memory. */
const KEPT = 100

/** What repositories in storage trees list: their tags and manifests are folders. */
export class TreeLists {
  private readonly names: PathFacts<readonly string[]>
  private readonly content: ContentSource

  constructor(content: ContentSource, lingerMs: number) {
    this.content = content
    this.names = new PathFacts(KEPT, lingerMs)
  }

  /** Sorted by code unit. @throws Failure CONTENT_* */
  async tags(tree: StorageTree, signal: AbortSignal): Promise<readonly string[]> {
    return (await this.folder(tagsIn(tree), signal)).filter(isTag)
  }

  /** Digests of its manifests, in no set order. @throws Failure CONTENT_* */
  async revisions(tree: StorageTree, signal: AbortSignal): Promise<readonly Digest[]> {
    const lists = await Promise.all(
      (['sha256', 'sha512'] as const).map(async (algorithm) => {
        const names = await this.folder(revisionsIn(tree, algorithm), signal)
        return names.map((name) => digestOf(algorithm, name)).filter(isDigest)
      }),
    )
    return lists.flat()
  }

  /** Names in a folder, sorted; none where there is no such folder. */
  private folder(path: ContentPath, signal: AbortSignal): Promise<readonly string[]> {
    return this.names.get(formatContentPath(path), signal, async (own) => {
      const lasting = this.content.proof === 'blocks'
      try {
        const entries = await this.content.list(path, { limit: MOST_ENTRIES, signal: own })
        return { value: entries.map(({ name }) => name).sort(), lasting }
      } catch (error) {
        if (!isFailure(error, 'CONTENT_NOT_FOUND')) throw error
        return { value: [], lasting }
      }
    })
  }
}
