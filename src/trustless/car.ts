import { createHash } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { carBytes } from '../content/car/car-writer.ts'
import type { HeldBlockReader } from '../content/dag/held-blocks.ts'
import type { ResolvedDagPath } from '../content/dag/path.ts'
import { type DagQuery, walkDag } from '../content/dag/walk.ts'
import { Failure } from '../errors.ts'
import { beginPieces, writePieces } from '../http/body.ts'
import type { Exchange } from '../http/exchange.ts'
import { parseEntityBytes } from './entity-bytes.ts'
import { contentTypeOf, type Format } from './format.ts'
import type { TrustlessRoute } from './route.ts'

const SCOPES = ['block', 'entity', 'all'] as const

/** @throws Failure REQUEST_INVALID */
export function parseDagQuery(query: URLSearchParams, dups: boolean): DagQuery {
  const bytes = query.get('entity-bytes')
  const given = query.get('dag-scope')
  const scope = SCOPES.find((one) => one === given)
  if (given !== null && scope === undefined) {
    throw new Failure('REQUEST_INVALID', `dag-scope is one of ${SCOPES.join(', ')}`)
  }
  // A range of bytes is one of an entity, whatever else is said.
  if (bytes !== null) return { scope: 'entity', range: parseEntityBytes(bytes), dups }
  return { scope: scope ?? 'all', dups }
}

/** Differs for answers that may differ, and begins with the scope (trustless gateway specification, `dag-scope`). */
export function carEtag(
  { path, query }: TrustlessRoute,
  { scope }: DagQuery,
  format: Format,
  root: string,
): string {
  const asked = [path, query.get('entity-bytes') ?? '', contentTypeOf(format)].join('\n')
  return `${scope}.${root}.car.${createHash('sha256').update(asked).digest('hex').slice(0, 16)}`
}

/**
 * The blocks of a path and of what it leads to, as they are read: no more of them is in memory than one piece. Once
 * the answer has begun, a block that is not held cuts it off.
 */
export async function sendCar(
  res: ServerResponse,
  exchange: Exchange,
  blocks: HeldBlockReader,
  { cid, read }: ResolvedDagPath,
  { query, describe }: { readonly query: DagQuery; readonly describe: () => void },
): Promise<void> {
  const walk = walkDag(blocks, { path: read, cid }, query, exchange.signal)
  const body = await beginPieces(carBytes([cid], walk))
  exchange.answering()
  describe()
  res.setHeader('Accept-Ranges', 'none')
  await writePieces(res, body, exchange.facts, exchange.signal)
  res.end()
}
