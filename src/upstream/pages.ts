/**
 * The query of the next page (`Link` with `rel="next"`, RFC 8288). The rest of the link is left alone: nothing is ever
 * asked of another place, or about another repository, because a page says so.
 *
 * @returns undefined where there is none
 */
export function nextPageIn(link: string): URLSearchParams | undefined {
  for (const [, target = '', parameters = ''] of link.matchAll(/<([^<>]*)>([^<]*)/g)) {
    const [, quoted, plain = ''] = /;\s*rel\s*=\s*(?:"([^"]*)"|([^\s;,]+))/i.exec(parameters) ?? []
    const relations = (quoted ?? plain).toLowerCase().split(/\s+/)
    if (!relations.includes('next') || !URL.canParse(target, 'http://host')) continue
    const { searchParams } = new URL(target, 'http://host')
    return searchParams.size === 0 ? undefined : searchParams
  }
  return undefined
}
