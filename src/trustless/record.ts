import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { base36 } from 'multiformats/bases/base36'
import type { CID } from 'multiformats/cid'
import { Failure } from '../errors.ts'
import { noneMatch } from '../http/conditions.ts'
import type { Exchange } from '../http/exchange.ts'
import type { Format } from './format.ts'
import { describe } from './headers.ts'
import type { TrustlessRoute } from './route.ts'

/** A signed IPNS record that is valid now. */
export interface HeldRecord {
  readonly bytes: Uint8Array
  /** Seconds that it may be kept without asking again. */
  readonly ttl: number | undefined
  /** ms since the epoch. */
  readonly validUntil: number
}

/** IPNS records that are held here. */
export interface HeldRecords {
  /** @returns undefined when there is none, or none that is valid any more */
  find(key: CID): Promise<HeldRecord | undefined>
}

/** Seconds for a record that says none. */
const DEFAULT_TTL = 3600

/** A record as it was signed (trustless gateway specification, "IPNS Record Responses"). */
export async function sendRecord(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  asked: {
    readonly route: TrustlessRoute
    readonly format: Format
    readonly key: CID
    readonly records: HeldRecords
  },
): Promise<void> {
  const { route, format, key } = asked
  const name = key.toString(base36)
  const record = await asked.records.find(key)
  if (record === undefined) throw new Failure('NOT_HELD', `no valid record of ${name} is held here`)
  const { bytes, ttl = DEFAULT_TTL, validUntil } = record
  const etag = createHash('sha256').update(bytes).digest('hex').slice(0, 32)
  const maxAge = Math.max(0, Math.min(ttl, (validUntil - Date.now()) / 1000))
  exchange.answering()
  exchange.facts.source = 'disk'
  describe(res, { route, format, etag, filename: `${name}.ipns-record`, roots: [], maxAge })
  if (noneMatch(req.headers['if-none-match'], etag)) {
    res.statusCode = 304
    res.end()
    return
  }
  res.setHeader('Content-Length', bytes.byteLength)
  if (req.method === 'HEAD') {
    res.end()
    return
  }
  res.end(bytes)
  exchange.facts.bytes = bytes.byteLength
}
