import { startLine } from './line.mjs'

/**
 * The first line of a request, which programs send in one piece with all of its head; not of those by which ours sees now
 * and then whether a source is there.
 */
const REQUEST = /(?:GET|HEAD|POST|PUT) (?!\/api\/v0\/version|\/ipfs\/bafkqaaa)\S+ HTTP\/1\.1\r\n/g

/**
 * A line to `target` on which what clients send takes `delay` ms longer, and so each HTTP request; answers come at
 * once. It counts both. It is in this process, and takes part of a core for each GB/s.
 */
export async function startSlowLine(scope, target, delay) {
  let requests = 0
  let bytes = 0
  const { url } = await startLine(scope, target, (client, origin) => {
    client.on('data', (piece) => {
      requests += piece.toString('latin1').match(REQUEST)?.length ?? 0
      if (delay === 0) origin.write(piece)
      else setTimeout(() => origin.write(piece), delay)
    })
    origin.on('data', (piece) => (bytes += piece.length))
    origin.pipe(client)
  })
  return { url, asked: () => Promise.resolve({ requests, bytes }) }
}
