import type { ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Repository } from '../repository/repository.ts'
import { setFreshness, setProvenance } from './headers.ts'
import { sendJson } from './json.ts'

/** end-8: tags, in pages when `n` is given, or when there are too many for one answer. */
export async function serveTags(
  res: ServerResponse,
  exchange: Exchange,
  repository: Repository,
  name: string,
  query: URLSearchParams,
  head: boolean,
): Promise<void> {
  const limit = parseLimit(query.get('n'))
  const last = query.get('last') ?? undefined
  const namespace = query.get('ns')
  const more = new URLSearchParams(query)
  for (const own of ['n', 'last', 'ns']) more.delete(own)
  const list = await repository.tags({ limit, last, more }, exchange.signal)
  exchange.facts.source = list.source
  exchange.facts.cached = list.cached
  setProvenance(res, list)
  setFreshness(res, exchange, undefined)
  if (list.next !== undefined) {
    const next = new URLSearchParams(list.next)
    if (namespace !== null) next.set('ns', namespace)
    // Relative: some clients refuse a link to another scheme or host, as a proxy in front may cause.
    res.setHeader('Link', `</v2/${name}/tags/list?${next.toString()}>; rel="next"`)
  }
  sendJson(res, exchange, 'application/json', { name, tags: list.tags }, head)
}

/** `n` of a list. @throws Failure PAGINATION_INVALID */
export function parseLimit(text: string | null): number | undefined {
  if (text === null) return undefined
  if (!/^\d+$/.test(text)) {
    throw new Failure(
      'PAGINATION_INVALID',
      `n=${text.slice(0, 40)} is not a whole number that is zero or more`,
    )
  }
  return Number(text)
}
