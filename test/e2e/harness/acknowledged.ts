import { brought, download } from './download.ts'
import type { Random } from './random.ts'

/** A manifest that is pushed, by its repository. */
export interface Pushed {
  readonly repository: string
  readonly digest: string
  /** Digests of config and layers. */
  readonly blobs: readonly string[]
}

/** The pushes of a tag, by one client one after the other. */
interface TagHistory {
  readonly repository: string
  readonly tag: string
  readonly pushes: Pushed[]
  /** The last one that is known to be there: an index of the pushes; -1 while there is none. */
  known: number
}

/** Objects of earlier rounds that are looked at after each round, besides those that are new. */
const SAMPLE = 15
const AT_ONCE = 8

/** What a registry has acknowledged, and so has to have for good. */
export class Acknowledged {
  /** Digests of objects by their paths. */
  readonly #held = new Map<string, string>()
  readonly #unseen = new Set<string>()
  readonly #tags = new Map<string, TagHistory>()
  #watch: { readonly from: number; readonly reached: () => void } | undefined

  /** How much there is. */
  get counts(): { objects: number; tags: number } {
    return { objects: this.#held.size, tags: [...this.#tags.values()].filter((one) => one.known >= 0).length }
  }

  /** Resolves when so many more objects are acknowledged. For one caller at a time. */
  more(count: number): Promise<void> {
    if (count === 0) return Promise.resolve()
    return new Promise((resolve) => (this.#watch = { from: this.#held.size + count, reached: resolve }))
  }

  blob(repository: string, digest: string): void {
    this.#hold(`/v2/${repository}/blobs/${digest}`, digest)
  }

  manifest({ repository, digest, blobs }: Pushed): void {
    this.#hold(`/v2/${repository}/manifests/${digest}`, digest)
    for (const blob of blobs) this.blob(repository, blob)
  }

  /**
   * A manifest is about to be pushed under a tag, which only one client pushes to, one manifest after the other.
   *
   * @returns `acknowledge`: to be called when that was acknowledged
   */
  tagging(tag: string, pushed: Pushed): { tag: string; acknowledge: () => void } {
    const { repository } = pushed
    const key = `${repository}:${tag}`
    const history = this.#tags.get(key) ?? { repository, tag, pushes: [], known: -1 }
    this.#tags.set(key, history)
    const at = history.pushes.push(pushed) - 1
    return { tag, acknowledge: () => this.#know(history, at) }
  }

  /** What is missing or wrong. @param everything or what came since the last time, all tags, and some of the rest */
  async problems(url: string, everything: boolean, random: Random): Promise<string[]> {
    const problems: string[] = []
    await this.#checkLists(url, problems)
    const tags = [...this.#tags.values()].filter(
      ({ pushes, known }) => everything || pushes.length > 1 || known < 0,
    )
    await eachOf(tags, (history) => this.#checkTag(url, history, problems))
    const paths = everything ? [...this.#held.keys()] : this.#someOf(random)
    this.#unseen.clear()
    await eachOf(paths, async (path) => {
      const got = await download(url + path)
      const digest = this.#held.get(path) ?? ''
      if (!brought(got, digest))
        problems.push(`${path}: ${got.status} ${got.digest} ${got.text.slice(0, 300)}`)
    })
    return problems
  }

  /** Each repository lists the tags that were acknowledged. */
  async #checkLists(url: string, problems: string[]): Promise<void> {
    const known = [...this.#tags.values()].filter((history) => history.known >= 0)
    const repositories = new Set(known.map(({ repository }) => repository))
    await eachOf([...repositories], async (repository) => {
      const answer = await fetch(`${url}/v2/${repository}/tags/list`)
      const text = await answer.text()
      if (answer.status !== 200) {
        problems.push(`tags of ${repository}: ${answer.status} ${text.slice(0, 300)}`)
        return
      }
      const tags = new Set((JSON.parse(text) as { tags: string[] }).tags)
      for (const history of known) {
        if (history.repository !== repository || tags.has(history.tag)) continue
        problems.push(`${repository} does not list ${history.tag}`)
      }
    })
  }

  /** It is what was acknowledged or seen last, or a later push that nobody could acknowledge any more. */
  async #checkTag(url: string, history: TagHistory, problems: string[]): Promise<void> {
    const { repository, tag, pushes, known } = history
    const got = await download(`${url}/v2/${repository}/manifests/${tag}`)
    if (got.status === 404 && known < 0) return
    const at = pushes.findLastIndex(({ digest }) => brought(got, digest))
    if (at >= Math.max(known, 0)) return this.#know(history, at)
    const what = at < 0 ? `${got.status} ${got.digest} ${got.text.slice(0, 300)}` : `push ${at}`
    problems.push(`${repository}:${tag} is ${what}; known was push ${known} of ${pushes.length}`)
  }

  /** What can be seen has to stay, with all that it needs. */
  #know(history: TagHistory, at: number): void {
    history.known = Math.max(history.known, at)
    const pushed = history.pushes[at]
    if (pushed !== undefined) this.manifest(pushed)
  }

  #hold(path: string, digest: string): void {
    if (this.#held.has(path)) return
    this.#held.set(path, digest)
    this.#unseen.add(path)
    if (this.#watch !== undefined && this.#held.size >= this.#watch.from) this.#watch.reached()
  }

  #someOf(random: Random): string[] {
    const all = [...this.#held.keys()]
    const sample = Array.from({ length: Math.min(SAMPLE, all.length) }, () => random.pick(all))
    return [...new Set([...this.#unseen, ...sample])]
  }
}

async function eachOf<T>(items: readonly T[], action: (item: T) => Promise<void>): Promise<void> {
  const left = [...items]
  const work = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await action(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
}
