/** Which tags of a list are wanted (distribution-spec, "Listing tags"). */
export interface TagsWanted {
  /** At most so many; undefined: as many as come in one answer. */
  readonly limit: number | undefined
  /** Only those after it in the list's order; it need not be in the list. */
  readonly last: string | undefined
  /** What else a `Link` of ours has asked for, in the words of the registry that the tags come from. */
  readonly more: URLSearchParams
}

/** Tags in one answer, whatever the client asks for. */
const MOST_TAGS = 10_000

/**
 * One page of a whole list.
 *
 * @param tags sorted by code unit, unique
 */
export function pageOf(
  tags: readonly string[],
  { limit = MOST_TAGS, last }: TagsWanted,
): { tags: readonly string[]; next: URLSearchParams | undefined } {
  const most = Math.min(limit, MOST_TAGS)
  const start = last === undefined ? 0 : firstAfter(tags, last)
  const page = tags.slice(start, start + most)
  const end = page.at(-1)
  const more = end !== undefined && tags.length > start + page.length
  return { tags: page, next: more ? new URLSearchParams({ n: String(most), last: end }) : undefined }
}

/** Index of the first tag that sorts after `last`. */
function firstAfter(tags: readonly string[], last: string): number {
  let low = 0
  let high = tags.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((tags[middle] ?? '') > last) high = middle
    else low = middle + 1
  }
  return low
}
