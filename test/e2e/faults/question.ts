import { download } from '../harness/download.ts'
import type { Download } from '../harness/download.ts'
import { digestOf, hexOf, INDEX_TYPE, TAG } from './content.ts'
import type { CaseImage, Part } from './content.ts'
import type { Asked, Case } from './cross.ts'

/** What an answer is worth. */
export type Worth =
  /** Whole, and as it should be. */
  | 'right'
  /** Whole, and not as it should be. */
  | 'wrong'
  /** It broke off, and shows it. */
  | 'broken'
  /** An error. */
  | 'refused'
  /** No head of an answer came. */
  | 'silence'

export interface Reply {
  readonly worth: Worth
  readonly got: Download
}

/** Path below the repository. */
export function pathOf(asked: Asked, image: CaseImage): string {
  switch (asked) {
    case 'manifest':
      return `manifests/${image.manifest.digest}`
    case 'tag':
      return `manifests/${TAG}`
    case 'config':
      return `blobs/${image.config.digest}`
    case 'layer':
    case 'range':
    case 'ranges':
      return `blobs/${image.layer.digest}`
    case 'tags':
      return 'tags/list'
    case 'referrers':
      return `referrers/${image.manifest.digest}`
  }
}

/** Whether a request to a source, by its path and query, is for what the case is about. */
export function concerns({ kind, asked, state }: Case, image: CaseImage, url: string): boolean {
  if (kind === 'upstream') return concernsUpstream(asked, image, url)
  const index = url.includes('index.json')
  switch (asked) {
    case 'manifest':
      return url.includes(hexOf(image.manifest))
    // What is half known has its index.json read already.
    case 'tag':
      return state === 'half' ? url.includes(hexOf(image.manifest)) : index
    case 'tags':
      return index
    case 'config':
      return url.includes(hexOf(image.config))
    case 'layer':
    case 'range':
    case 'ranges':
      return url.includes(hexOf(image.layer))
    case 'referrers':
      return state === 'half' ? url.includes(hexOf(image.artifact)) : index
  }
}

function concernsUpstream(asked: Asked, image: CaseImage, url: string): boolean {
  // The fallback tag of referrers has the digest in it, too.
  if (asked === 'referrers')
    return url.includes('/referrers/') || url.includes(`/sha256-${hexOf(image.manifest)}`)
  return url.includes(`/${pathOf(asked, image)}`)
}

/** Ask for it as a client does. @param repository URL up to the repository's name */
export async function ask(
  repository: string,
  asked: Asked,
  image: CaseImage,
  signal?: AbortSignal,
): Promise<Reply> {
  const headers: Record<string, string> = {}
  const said = (parts: readonly Part[]): string =>
    `bytes=${parts.map(({ start, end }) => `${start}-${end - 1}`).join(',')}`
  if (asked === 'range') headers['range'] = said([image.range])
  if (asked === 'ranges') headers['range'] = said(image.ranges)
  const keep = asked !== 'layer' && asked !== 'range'
  const got = await download(`${repository}/${pathOf(asked, image)}`, {
    headers,
    keep,
    ...(signal === undefined ? {} : { signal }),
  })
  return { worth: worthOf(asked, image, got), got }
}

function worthOf(asked: Asked, image: CaseImage, got: Download): Worth {
  if (got.status === 0) return 'silence'
  if (got.status !== 200 && got.status !== 206) return 'refused'
  if (!got.complete) return 'broken'
  return isRight(asked, image, got) ? 'right' : 'wrong'
}

function isRight(asked: Asked, image: CaseImage, got: Download): boolean {
  switch (asked) {
    case 'manifest':
    case 'tag':
      return got.digest === image.manifest.digest && got.headers['content-type'] === image.manifest.mediaType
    case 'config':
      return got.digest === image.config.digest
    case 'layer':
      return got.digest === image.layer.digest
    case 'range':
      return got.status === 206 && got.digest === image.range.digest
    case 'ranges':
      return areRightParts(image.ranges, image.layer.size, got)
    case 'tags':
      return areRightTags(got)
    case 'referrers':
      return areRightReferrers(image, got)
  }
}

function areRightParts(wanted: readonly Part[], size: number, got: Download): boolean {
  const boundary = /boundary=(\w+)/.exec(got.headers['content-type'] ?? '')?.[1] ?? ''
  const text = (got.body ?? Buffer.alloc(0)).toString('latin1')
  const parts = text.split(`--${boundary}`).slice(1, -1)
  return (
    got.status === 206 &&
    parts.length === wanted.length &&
    wanted.every(({ start, end, digest }, i) => {
      const [head = '', ...rest] = (parts[i] ?? '').split('\r\n\r\n')
      const bytes = Buffer.from(rest.join('\r\n\r\n').slice(0, -2), 'latin1')
      return head.includes(`bytes ${start}-${end - 1}/${size}`) && digestOf(bytes) === digest
    })
  )
}

function areRightTags(got: Download): boolean {
  const { tags } = parsed<{ tags?: unknown[] }>(got)
  // Beside it is the tag of its referrers.
  const own = Array.isArray(tags) ? tags.filter((tag) => !String(tag).startsWith('sha256-')) : undefined
  return JSON.stringify(own) === JSON.stringify([TAG])
}

function areRightReferrers({ artifact }: CaseImage, got: Download): boolean {
  const { mediaType, manifests } = parsed<{ mediaType?: string; manifests?: { digest?: string }[] }>(got)
  return mediaType === INDEX_TYPE && manifests?.length === 1 && manifests[0]?.digest === artifact.digest
}

function parsed<T extends object>(got: Download): Partial<T> {
  try {
    return JSON.parse(got.body?.toString('utf8') ?? '') as T
  } catch {
    return {}
  }
}
