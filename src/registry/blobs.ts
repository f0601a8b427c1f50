import { randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { beginPieces, writePieces } from '../http/body.ts'
import { noneMatch, rangeAllowed } from '../http/conditions.ts'
import type { Exchange } from '../http/exchange.ts'
import { rangesFor, type WantedRange } from '../http/range.ts'
import { parseDigest } from '../reference/digest.ts'
import type { BlobAnswer, BlobBody, Repository } from '../repository/repository.ts'
import { setDigestHeaders, setProvenance } from './headers.ts'

const TYPE = 'application/octet-stream'

/** end-2: GET and HEAD of a blob, whole, in one range (RFC 9110, 14) or in several. */
export async function serveBlob(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  repository: Repository,
  digestText: string,
): Promise<void> {
  const { signal, facts } = exchange
  const digest = parseDigest(digestText)
  const head = req.method === 'HEAD'
  const condition = req.headers['if-range']?.toString()
  const unchanged = noneMatch(req.headers['if-none-match'], digest)
  const bodiless = head || unchanged
  const rangeHeader = bodiless || !rangeAllowed(condition, digest) ? undefined : req.headers.range
  const part = rangeHeader === undefined ? 'whole' : 'range'
  const purpose = head ? 'head' : unchanged ? 'unchanged' : part
  const blob = await repository.blob(digest, purpose, signal)
  facts.source = blob.source
  facts.cached = blob.cached
  const describe = (): void => {
    setDigestHeaders(res, exchange, digest)
    setProvenance(res, blob)
    res.setHeader('Accept-Ranges', 'bytes')
  }
  if (bodiless) {
    exchange.answering()
    describe()
    if (unchanged) res.statusCode = 304
    else {
      res.setHeader('Content-Type', TYPE)
      res.setHeader('Content-Length', blob.size)
    }
    res.end()
    return
  }
  if (blob.location !== undefined) {
    exchange.answering()
    res.statusCode = 307
    res.setHeader('Location', blob.location)
    // Such a place is good for minutes, and for whoever holds its URL.
    res.setHeader('Cache-Control', 'no-store')
    res.setHeader('Docker-Content-Digest', digest)
    res.setHeader('Content-Length', 0)
    res.end()
    return
  }
  const ranges = rangesFor(res, rangeHeader, blob.size)
  const parts = ranges ?? [undefined]
  if (parts.length > 1) {
    await sendParts(res, exchange, blob, ranges ?? [], describe)
    return
  }
  const [range] = parts
  const body = await begin(blob, range, exchange)
  describe()
  res.setHeader('Content-Type', TYPE)
  res.setHeader('Content-Length', range === undefined ? blob.size : range.end - range.start)
  if (range !== undefined) {
    res.statusCode = 206
    res.setHeader('Content-Range', contentRange(range, blob.size))
  }
  await writePieces(res, body, facts, signal)
  res.end()
}

async function begin(
  blob: BlobAnswer,
  range: WantedRange | undefined,
  exchange: Exchange,
): Promise<AsyncIterable<Uint8Array>> {
  const opened: BlobBody = await blob.open(range, exchange.signal)
  exchange.facts.source = opened.source
  exchange.facts.cached = opened.cached
  const body = await beginPieces(opened.pieces)
  exchange.answering()
  return body
}

/** `multipart/byteranges` (RFC 9110, 14.6), with its length known beforehand. */
async function sendParts(
  res: ServerResponse,
  exchange: Exchange,
  blob: BlobAnswer,
  ranges: WantedRange[],
  describe: () => void,
): Promise<void> {
  const boundary = randomBytes(16).toString('hex')
  const heads = ranges.map((range, index) =>
    Buffer.from(
      `${index === 0 ? '' : '\r\n'}--${boundary}\r\nContent-Type: ${TYPE}\r\n` +
        `Content-Range: ${contentRange(range, blob.size)}\r\n\r\n`,
    ),
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  const length = ranges.reduce((sum, range) => sum + range.end - range.start, 0)
  const [firstRange] = ranges
  let body = await begin(blob, firstRange, exchange)
  describe()
  res.statusCode = 206
  res.setHeader('Content-Type', `multipart/byteranges; boundary=${boundary}`)
  res.setHeader(
    'Content-Length',
    heads.reduce((sum, head) => sum + head.length, length + tail.length),
  )
  for (const [index, range] of ranges.entries()) {
    if (index > 0) body = (await blob.open(range, exchange.signal)).pieces
    res.write(heads[index])
    await writePieces(res, body, exchange.facts, exchange.signal)
  }
  res.end(tail)
}

function contentRange(range: WantedRange, size: number): string {
  return `bytes ${range.start}-${range.end - 1}/${size}`
}
