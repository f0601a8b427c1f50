import { headerOf } from '../content/transport/exchange.ts'
import { parseJsonObject } from '../layout/json-object.ts'
import { isTag } from '../reference/tag.ts'
import type { Asked } from './asked.ts'
import { nextPageIn } from './pages.ts'
import { noAnswer, type RegistryAnswer } from './refusal.ts'
import type { TagPage } from './registry.ts'

/** Bytes of one page: some registries have one page for everything. */
const MAX_PAGE = 4 * 1024 * 1024

/** The tags in an answer with status 200. @throws Failure CONTENT_INVALID, CONTENT_TOO_LARGE, what reading the body throws */
export async function tagsIn(name: string, answer: RegistryAnswer, asked: Asked): Promise<TagPage> {
  const document = parseJsonObject(await answer.body.readAll(MAX_PAGE))
  const tags: unknown = document?.['tags'] ?? []
  if (document === undefined || !('tags' in document) || !Array.isArray(tags)) {
    throw noAnswer(name, asked.text, 'it has no list of tags')
  }
  return {
    tags: tags.filter((tag): tag is string => typeof tag === 'string' && isTag(tag)),
    next: nextPageIn(headerOf(answer, 'link')),
    source: name,
  }
}
