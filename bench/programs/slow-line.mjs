import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * A line to `target` on which what clients send takes `delay` ms longer, and so each HTTP request; answers come at
 * once. It is in this process, and takes part of a core for each GB/s.
 */
export async function startSlowLine(scope, target, delay) {
  const { hostname, port } = new URL(target)
  const sockets = new Set()
  const server = createServer((client) => {
    const origin = connect({ host: hostname, port, noDelay: true })
    client.on('data', (piece) => setTimeout(() => origin.write(piece), delay))
    origin.pipe(client)
    for (const [own, other] of [
      [client, origin],
      [origin, client],
    ]) {
      sockets.add(own)
      own.on('error', () => undefined)
      own.on('close', () => {
        sockets.delete(own)
        other.destroy()
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  scope.defer(async () => {
    const closed = once(server, 'close')
    server.close()
    for (const socket of sockets) socket.destroy()
    await closed
  })
  return { url: `http://127.0.0.1:${server.address().port}` }
}
