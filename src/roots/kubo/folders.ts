import type { Digest } from '../../reference/digest.ts'
import { algorithmOf, encodedOf } from '../../reference/digest.ts'
import type { RepositoryPlace } from '../root-store.ts'

/**
 * Paths in MFS, below one folder:
 *
 * - `roots/<root>/<number>`: a version of a root
 * - `commits/<name>`: the root of a version in the making
 * - `uploads/<id>/<offset>`: bytes of an upload from there on, `seen-<ms>`: when it was written to
 * - `staged/<root>/<repository>/<algorithm>-<encoded>.<ms>`: a staged blob, and since when
 */
export class Folders {
  readonly #base: string

  /** @param base absolute, without a slash at its end */
  constructor(base: string) {
    this.#base = base
  }

  get uploads(): string {
    return `${this.#base}/uploads`
  }

  upload(id: string): string {
    return `${this.uploads}/${id}`
  }

  get commits(): string {
    return `${this.#base}/commits`
  }

  get staged(): string {
    return `${this.#base}/staged`
  }

  stagedIn({ root, repository }: RepositoryPlace): string {
    return `${this.staged}/${segmentOf(root)}/${segmentOf(repository)}`
  }

  get roots(): string {
    return `${this.#base}/roots`
  }

  versions(root: string): string {
    return `${this.roots}/${segmentOf(root)}`
  }
}

/** Names of numbers sort as the numbers do. */
export function numberName(number: number): string {
  return String(number).padStart(16, '0')
}

/** The number that a name made by {@link numberName} stands for; undefined for all others. */
export function numberIn(name: string): number | undefined {
  return /^\d{16}$/.test(name) ? Number(name) : undefined
}

/** What the names of a staged blob begin with. */
export function stagedPrefix(digest: Digest): string {
  return `${algorithmOf(digest)}-${encodedOf(digest)}.`
}

/** ms since the epoch, at the end of a name: `seen-1700000000000`, `sha256-….1700000000000`. */
export function timeIn(name: string): number | undefined {
  const digits = /[.-](\d{12,16})$/.exec(name)?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/** Any text as one segment of a path: `team%2Fapp`. */
function segmentOf(text: string): string {
  return encodeURIComponent(text).replaceAll('.', '%2E')
}

/** The text that {@link Folders.versions} made a segment of. */
export function textOfSegment(segment: string): string {
  return decodeURIComponent(segment)
}
