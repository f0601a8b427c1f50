import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HeldBlock } from '../content/dag/held-blocks.ts'
import { beginPieces, writePieces } from '../http/body.ts'
import { rangeAllowed } from '../http/conditions.ts'
import type { Exchange } from '../http/exchange.ts'
import { rangesFor } from '../http/range.ts'

/** The bytes of one block, whole or one range of them; a request for several ranges gets it whole (RFC 9110, 14.2). */
export async function sendBlock(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  block: HeldBlock,
  { etag, describe }: { readonly etag: string; readonly describe: () => void },
): Promise<void> {
  const head = req.method === 'HEAD'
  const ranged = !head && rangeAllowed(req.headers['if-range']?.toString(), etag)
  const ranges = ranged ? rangesFor(res, req.headers.range, block.size) : undefined
  const range = ranges?.length === 1 ? ranges[0] : undefined
  const { start, end } = range ?? { start: 0, end: block.size }
  const body = head ? undefined : await beginPieces(slice(block.read(), start, end))
  exchange.answering()
  describe()
  res.setHeader('Accept-Ranges', 'bytes')
  res.setHeader('Content-Length', end - start)
  if (range !== undefined) {
    res.statusCode = 206
    res.setHeader('Content-Range', `bytes ${start}-${end - 1}/${block.size}`)
  }
  if (body !== undefined) await writePieces(res, body, exchange.facts, exchange.signal)
  res.end()
}

async function* slice(
  pieces: AsyncIterable<Uint8Array>,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let at = 0
  for await (const piece of pieces) {
    const wanted = piece.subarray(Math.max(0, start - at), Math.max(0, end - at))
    at += piece.byteLength
    if (wanted.byteLength > 0) yield wanted
    if (at >= end) return
  }
}
