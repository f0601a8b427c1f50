import type { ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Repository } from '../repository/repository.ts'
import { setFreshness, setProvenance } from './headers.ts'
import { sendJson } from './json.ts'

/** Tags in one answer, whatever the client asks for. */
const MOST_TAGS = 10_000

/** end-8: tags in ASCII order, in pages when `n` is given. */
export async function serveTags(
  res: ServerResponse,
  exchange: Exchange,
  repository: Repository,
  name: string,
  query: URLSearchParams,
  head: boolean,
): Promise<void> {
  const limit = parseLimit(query.get('n'))
  const last = query.get('last')
  const list = await repository.tags(exchange.signal)
  exchange.facts.source = list.source
  exchange.facts.cached = list.cached
  const rest = last === null ? list.tags : list.tags.slice(firstAfter(list.tags, last))
  const page = rest.slice(0, limit)
  const end = page.at(-1)
  setProvenance(res, list)
  setFreshness(res, undefined)
  if (end !== undefined && rest.length > page.length) {
    const next = new URLSearchParams({ n: String(limit), last: end })
    // Relative: some clients refuse a link to another scheme or host, as a proxy in front may cause.
    res.setHeader('Link', `</v2/${name}/tags/list?${next.toString()}>; rel="next"`)
  }
  sendJson(res, exchange, 'application/json', { name, tags: page }, head)
}

function parseLimit(text: string | null): number {
  if (text === null) return MOST_TAGS
  if (!/^\d+$/.test(text)) {
    throw new Failure(
      'PAGINATION_INVALID',
      `n=${text.slice(0, 40)} is not a whole number that is zero or more`,
    )
  }
  return Math.min(Number(text), MOST_TAGS)
}

/** Index of the first tag that sorts after `last`, which need not be among them. */
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
