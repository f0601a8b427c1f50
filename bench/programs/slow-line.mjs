import { startLine } from './line.mjs'

/**
 * A line to `target` on which what clients send takes `delay` ms longer, and so each HTTP request; answers come at
 * once. It is in this process, and takes part of a core for each GB/s.
 */
export function startSlowLine(scope, target, delay) {
  return startLine(scope, target, (client, origin) => {
    client.on('data', (piece) => setTimeout(() => origin.write(piece), delay))
    origin.pipe(client)
  })
}
