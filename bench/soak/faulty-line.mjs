import { startLine } from '../programs/line.mjs'

/** Bytes of answers, on average, between two faults. */
const BYTES_A_FAULT = 8 * 2 ** 20

/** How often each, relative to the others. */
const FAULTS = { flip: 4, cut: 3, reset: 2, stall: 1, drip: 1 }

/** ms for which nothing comes: longer than the gateway's patience. */
const STALL = 4_000

/**
 * A line to `target` on which answers are flipped, cut, reset, held up or slowed down at random, as a bad network or a
 * bad machine would; what clients send arrives as it is.
 *
 * @param random decides what happens, and when
 */
export async function startFaultyLine(scope, target, random) {
  const faults = Object.fromEntries(Object.keys(FAULTS).map((fault) => [fault, 0]))
  const { url } = await startLine(scope, target, (client, origin) => {
    client.pipe(origin)
    origin.on('data', (piece) => {
      const fault = random.next() < piece.length / BYTES_A_FAULT ? random.weighted(FAULTS) : undefined
      if (fault !== undefined) faults[fault] += 1
      if (!give(client, origin, piece, fault, random)) pauseUntilDrained(client, origin)
    })
    origin.on('end', () => client.end())
  })
  return { url, faults }
}

/** @returns whether more may come at once */
function give(client, origin, piece, fault, random) {
  const at = random.below(piece.length)
  switch (fault) {
    case 'flip':
      piece[at] ^= 1 << random.below(8)
      return client.write(piece)
    case 'cut':
      client.end(piece.subarray(0, at))
      origin.destroy()
      return true
    case 'reset':
      client.write(piece.subarray(0, at), () => client.resetAndDestroy())
      return true
    case 'stall':
      client.write(piece)
      hold(client, origin, STALL)
      return true
    case 'drip':
      client.write(piece.subarray(0, at))
      hold(client, origin, 200, () => client.write(piece.subarray(at)))
      return true
    default:
      return client.write(piece)
  }
}

function hold(client, origin, ms, then = () => undefined) {
  origin.pause()
  setTimeout(() => {
    if (client.destroyed) return
    then()
    origin.resume()
  }, ms).unref()
}

function pauseUntilDrained(client, origin) {
  origin.pause()
  client.once('drain', () => origin.resume())
}
