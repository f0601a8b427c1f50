// @ts-check
import { createHash } from 'node:crypto'
import { writeSync } from 'node:fs'
import { parentPort } from 'node:worker_threads'
import { crc32 } from 'node:zlib'

/*
 * The thread behind BlobThread (blob-thread.ts). Plain JavaScript, since Node.js runs it as it stands in the source tree,
 * too. What it does with a piece is what LocalSums does.
 */

/**
 * @typedef {object} Request
 * @property {number} stream
 * @property {{ file: number, position: number }} [write] where in which open file the piece is to be written; it is of no
 *   stream then
 * @property {{ algorithm: string, chunk: number, part?: number }} [open] begins the stream; `chunk` and `part` in bytes
 * @property {Uint8Array} [piece]
 * @property {boolean} [end] whether to answer the digest; nothing comes after it
 * @property {boolean} [close] drops the stream, without an answer
 */

/**
 * @typedef {object} Answer
 * @property {number} stream
 * @property {number[]} sums of the chunks that are complete now
 * @property {Part[]} parts that are complete now, where parts are wanted
 * @property {string} [digest] in hex
 */

/** @typedef {{ hash: string, length: number }} Part  `hash` in hex */

/** @typedef {import('node:crypto').Hash} Hash */

/**
 * @typedef {object} Stream
 * @property {Hash} hash
 * @property {number} chunk
 * @property {number} sum of the chunk that is not complete
 * @property {number} filled bytes of that chunk
 * @property {number} part 0 where none are wanted
 * @property {Hash} partHash of the part that is not complete
 * @property {number} inPart bytes of that part
 */

/** @type {Map<number, Stream>} */
const streams = new Map()

/**
 * Bytes given to the kernel at once. For more it takes larger stretches of memory, which cost ten times as much where they
 * have to come from a hypervisor first; a write of less costs nearly as much as this.
 */
const WRITE = 16 * 1024

parentPort?.on('message', (/** @type {Request} */ request) => {
  if (request.write !== undefined) {
    parentPort?.postMessage({ written: write(request.write, request.piece ?? new Uint8Array()) })
    return
  }
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
    const { algorithm, chunk, part = 0 } = open
    const [hash, partHash] = [createHash(algorithm), createHash('sha256')]
    streams.set(number, { hash, chunk, sum: 0, filled: 0, part, partHash, inPart: 0 })
  }
  const stream = streams.get(number)
  if (end === true || close === true) streams.delete(number)
  if (stream === undefined || close === true) return undefined
  if (piece !== undefined) {
    stream.hash.update(piece)
    return { stream: number, sums: sumChunks(stream, piece), parts: hashParts(stream, piece) }
  }
  if (end !== true) return undefined
  const sums = stream.filled > 0 ? [stream.sum] : []
  const parts = stream.inPart > 0 ? [endPart(stream)] : []
  return { stream: number, sums, parts, digest: stream.hash.digest('hex') }
}

/**
 * @param {{ file: number, position: number }} place
 * @param {Uint8Array} piece
 * @returns {{ failed?: { code: string | undefined, message: string } }}
 */
function write({ file, position }, piece) {
  try {
    for (let at = 0; at < piece.length;) {
      at += writeSync(file, piece, at, Math.min(WRITE, piece.length - at), position + at)
    }
    return {}
  } catch (error) {
    const { code, message } = /** @type {NodeJS.ErrnoException} */ (error)
    return { failed: { code, message } }
  }
}

/**
 * @param {Stream} stream
 * @param {Uint8Array} piece
 */
function sumChunks(stream, piece) {
  const sums = []
  for (let offset = 0; offset < piece.length;) {
    const bytes = piece.subarray(offset, offset + stream.chunk - stream.filled)
    stream.sum = crc32(bytes, stream.sum)
    stream.filled += bytes.length
    offset += bytes.length
    if (stream.filled === stream.chunk) {
      sums.push(stream.sum)
      stream.sum = 0
      stream.filled = 0
    }
  }
  return sums
}

/**
 * @param {Stream} stream
 * @param {Uint8Array} piece
 */
function hashParts(stream, piece) {
  const parts = []
  for (let offset = 0; stream.part > 0 && offset < piece.length;) {
    const bytes = piece.subarray(offset, offset + stream.part - stream.inPart)
    stream.partHash.update(bytes)
    stream.inPart += bytes.length
    offset += bytes.length
    if (stream.inPart === stream.part) parts.push(endPart(stream))
  }
  return parts
}

/**
 * @param {Stream} stream
 * @returns {Part}
 */
function endPart(stream) {
  const part = { hash: stream.partHash.digest('hex'), length: stream.inPart }
  stream.partHash = createHash('sha256')
  stream.inPart = 0
  return part
}
