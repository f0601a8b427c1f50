import type { ServerResponse } from 'node:http'
import type { Exchange } from '../http/exchange.ts'
import { MEDIA_TYPE } from '../layout/descriptor.ts'
import { parseDigest } from '../reference/digest.ts'
import type { Repository } from '../repository/repository.ts'
import { setFreshness, setProvenance } from './headers.ts'
import { sendJson } from './json.ts'

/** end-12: manifests that name this one as their subject; several `artifactType` parameters mean any of them. */
export async function serveReferrers(
  res: ServerResponse,
  exchange: Exchange,
  repository: Repository,
  digestText: string,
  query: URLSearchParams,
  head: boolean,
): Promise<void> {
  const list = await repository.referrers(parseDigest(digestText), exchange.signal)
  exchange.facts.source = list.source
  exchange.facts.cached = list.cached
  const wanted = query
    .getAll('artifactType')
    .filter((type) => type !== '')
    // No media type has a space: it was a plus sign that the client did not escape.
    .map((type) => type.replaceAll(' ', '+'))
  const manifests =
    wanted.length === 0
      ? list.referrers
      : list.referrers.filter(
          ({ artifactType }) => artifactType !== undefined && wanted.includes(artifactType),
        )
  setProvenance(res, list)
  setFreshness(res, exchange, undefined)
  if (wanted.length > 0) res.setHeader('OCI-Filters-Applied', 'artifactType')
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }
  sendJson(res, exchange, MEDIA_TYPE.ociIndex, index, head)
}
