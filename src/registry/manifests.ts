import type { IncomingMessage, ServerResponse } from 'node:http'
import { noneMatch } from '../http/conditions.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Repository } from '../repository/repository.ts'
import { setDigestHeaders, setFreshness, setProvenance } from './headers.ts'
import type { Reference } from './route.ts'

/** end-3: GET and HEAD of a manifest. Its bytes are whole and verified before the first one leaves. */
export async function serveManifest(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  repository: Repository,
  reference: Reference,
): Promise<void> {
  const { signal, facts } = exchange
  const manifest =
    reference.kind === 'digest'
      ? await repository.manifestByDigest(reference.digest, signal)
      : await repository.manifestByTag(reference.tag, signal)
  facts.source = manifest.source
  facts.cached = manifest.cached
  exchange.answering()
  setDigestHeaders(res, exchange, manifest.digest)
  if (reference.kind === 'tag') setFreshness(res, exchange, manifest.maxAge)
  setProvenance(res, manifest)
  if (noneMatch(req.headers['if-none-match'], manifest.digest)) {
    res.statusCode = 304
    res.end()
    return
  }
  // Exactly the stored type: clients compare it with the descriptor's, so no charset may be appended.
  res.setHeader('Content-Type', manifest.mediaType)
  res.setHeader('Content-Length', manifest.bytes.length)
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  res.end(manifest.bytes)
  facts.bytes = manifest.bytes.length
}
