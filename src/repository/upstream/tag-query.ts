import { pageOf, type TagsWanted } from '../tag-pages.ts'
import type { TagPage } from '../../upstream/registry.ts'

/** The query that asks an upstream for this page. */
export function queryOf({ limit, last, more }: TagsWanted): URLSearchParams {
  const query = new URLSearchParams(more)
  // Registries differ in what a page of no tags is, so one of one tag shows that the repository exists.
  if (limit !== undefined) query.set('n', String(Math.max(1, limit)))
  if (last !== undefined) query.set('last', last)
  return query
}

/**
 * The page that was asked for. A registry that knows no pages gives all tags each time: more than were asked for, or
 * the one after which they should begin.
 */
export function tagPageOf(
  { tags, next }: TagPage,
  wanted: TagsWanted,
): { tags: readonly string[]; next: URLSearchParams | undefined } {
  const { limit, last } = wanted
  if (limit === 0) return { tags: [], next: undefined }
  const whole = tags.length > (limit ?? Infinity) || (last !== undefined && tags.includes(last))
  if (next !== undefined || !whole) return { tags, next }
  return pageOf([...new Set(tags)].sort(), wanted)
}
