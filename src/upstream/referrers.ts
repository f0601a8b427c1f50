import { headerOf } from '../content/transport/exchange.ts'
import { Failure, isFailure } from '../errors.ts'
import type { Descriptor } from '../layout/descriptor.ts'
import { parseManifest } from '../layout/manifest.ts'
import { isIndexType } from '../layout/media-type.ts'
import type { Asked } from './asked.ts'
import { mediaTypeOf } from './manifest.ts'
import { nextPageIn } from './pages.ts'
import { noAnswer, refusalOf, type RegistryAnswer } from './refusal.ts'
import type { FetchedManifest } from './registry.ts'

const MAX_PAGES = 100

/** Bytes of all pages together, and of the index behind a fallback tag. */
export const MAX_REFERRERS = 4 * 1024 * 1024

/** What registries answer that lack the API; some take its path for something malformed. */
const LACKING = new Set([400, 404, 405, 501])

/**
 * Read all pages of the referrers API (distribution-spec, "Listing Referrers").
 *
 * @param page asks for the page with this query
 * @returns undefined where the registry lacks the API
 * @throws Failure CONTENT_TOO_LARGE for more than the limits, CONTENT_INVALID, and what asking throws
 */
export async function listedReferrers(
  name: string,
  asked: Asked,
  page: (query: URLSearchParams | undefined) => Promise<RegistryAnswer>,
): Promise<Descriptor[] | undefined> {
  const found = new Map<string, Descriptor>()
  let query: URLSearchParams | undefined
  let left = MAX_REFERRERS
  for (let count = 0; count < MAX_PAGES; count += 1) {
    const answer = await page(query)
    if (count === 0 && lacksApi(answer)) {
      answer.body.drain()
      return undefined
    }
    if (answer.status !== 200) throw await refusalOf(name, answer, asked)
    const bytes = await answer.body.readAll(left)
    left -= bytes.byteLength
    const index = parseManifest(bytes, mediaTypeOf(answer))
    if (index?.kind !== 'index') throw noAnswer(name, asked.text, 'it is no index')
    for (const descriptor of index.manifests) found.set(descriptor.digest, descriptor)
    query = nextPageIn(headerOf(answer, 'link'))
    if (query === undefined) return [...found.values()]
  }
  throw new Failure('CONTENT_TOO_LARGE', `${name} has more than ${MAX_PAGES} pages of ${asked.text}`)
}

function lacksApi(answer: RegistryAnswer): boolean {
  return LACKING.has(answer.status) || (answer.status === 200 && !isIndexType(mediaTypeOf(answer)))
}

/**
 * What a fallback tag lists, where the registry lacks the API ("Referrers Tag Schema").
 *
 * @throws Failure what `fetch` throws, but for that there is no such tag
 */
export async function taggedReferrers(fetch: () => Promise<FetchedManifest>): Promise<readonly Descriptor[]> {
  try {
    const { bytes, mediaType } = await fetch()
    const index = parseManifest(bytes, mediaType)
    return index?.kind === 'index' ? index.manifests : []
  } catch (error) {
    if (isFailure(error, 'MANIFEST_UNKNOWN', 'NAME_UNKNOWN')) return []
    throw error
  }
}
