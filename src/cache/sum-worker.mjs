// @ts-check
import { createHash } from 'node:crypto'
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'

/*
 * The thread behind SumThread (sum-thread.ts). Plain JavaScript, since Node.js runs it as it stands in the source tree,
 * too. What it does with a piece is what LocalSums does.
 */

/**
 * @typedef {object} Request
 * @property {number} stream
 * @property {{ algorithm: string, chunk: number }} [open] begins the stream; `chunk` in bytes
 * @property {Uint8Array} [piece]
 * @property {boolean} [end] whether to answer the digest; nothing comes after it
 * @property {boolean} [close] drops the stream, without an answer
 */

/**
 * @typedef {object} Answer
 * @property {number} stream
 * @property {number[]} sums of the chunks that are complete now
 * @property {string} [digest] in hex
 */

/** @typedef {{ hash: import('node:crypto').Hash, chunk: number, sum: number, filled: number }} Stream */

/** @type {Map<number, Stream>} */
const streams = new Map()

parentPort?.on('message', (/** @type {Request} */ request) => {
  const answer = answerTo(request)
  const memory = request.piece?.buffer
  // What was moved here is moved back: here it would lie about, as next to nothing makes this thread collect garbage.
  const back = memory instanceof ArrayBuffer ? [memory] : []
  if (answer === undefined && back.length === 0) return
  parentPort?.postMessage({ stream: request.stream, sums: [], ...answer, back }, back)
})

/**
 * @param {Request} request
 * @returns {Answer | undefined}
 */
function answerTo({ stream: number, open, piece, end, close }) {
  if (open !== undefined) {
    streams.set(number, { hash: createHash(open.algorithm), chunk: open.chunk, sum: 0, filled: 0 })
  }
  const stream = streams.get(number)
  if (end === true || close === true) streams.delete(number)
  if (stream === undefined || close === true) return undefined
  if (piece !== undefined) return { stream: number, sums: update(stream, piece) }
  if (end !== true) return undefined
  return { stream: number, sums: stream.filled > 0 ? [stream.sum] : [], digest: stream.hash.digest('hex') }
}

/**
 * @param {Stream} stream
 * @param {Uint8Array} piece
 */
function update(stream, piece) {
  stream.hash.update(piece)
  const sums = []
  for (let offset = 0; offset < piece.length;) {
    const part = piece.subarray(offset, offset + stream.chunk - stream.filled)
    stream.sum = crc32(part, stream.sum)
    stream.filled += part.length
    offset += part.length
    if (stream.filled === stream.chunk) {
      sums.push(stream.sum)
      stream.sum = 0
      stream.filled = 0
    }
  }
  return sums
}
