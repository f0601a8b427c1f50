import type { ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'
import { pageOf } from '../repository/tag-pages.ts'
import type { Principal } from './access.ts'
import { setFreshness } from './headers.ts'
import { sendJson } from './json.ts'
import { parseLimit } from './tags.ts'

/** Names of the repositories that are listed, in any order. */
export type Catalog = (signal: AbortSignal) => Promise<readonly string[]>

/**
 * `GET /v2/_catalog`: an extension that distribution has and clients know, with pages as those of tags, and in it what the
 * client may pull.
 */
export async function serveCatalog(
  res: ServerResponse,
  exchange: Exchange,
  catalog: Catalog,
  principal: Principal | undefined,
  query: URLSearchParams,
  head: boolean,
): Promise<void> {
  const limit = parseLimit(query.get('n'))
  const last = query.get('last') ?? undefined
  const all = [...new Set(await catalog(exchange.signal))].sort()
  const visible =
    principal === undefined
      ? all
      : all.filter((name) => principal.may('pull', { name, namespace: undefined }))
  const page = pageOf(visible, { limit, last, more: new URLSearchParams() })
  if (page.next !== undefined) {
    res.setHeader('Link', `</v2/_catalog?${page.next.toString()}>; rel="next"`)
  }
  setFreshness(res, exchange, undefined)
  sendJson(res, exchange, 'application/json', { repositories: page.tags }, head)
}
