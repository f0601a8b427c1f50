import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * A line of TCP connections to `target`, a URL.
 *
 * @param join is called with both ends of each connection, client and origin, to pass on what comes from one to the other
 */
export async function startLine(scope, target, join) {
  const { hostname, port } = new URL(target)
  const sockets = new Set()
  const server = createServer((client) => {
    const origin = connect({ host: hostname, port, noDelay: true })
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
    join(client, origin)
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
