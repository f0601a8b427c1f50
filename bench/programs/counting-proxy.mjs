import { once } from 'node:events'
import { Agent, createServer, request } from 'node:http'

/**
 * An HTTP proxy in this process, before `target`: counts requests and bytes of bodies since `reset`, and lets each
 * request wait for `delay` ms first. It passes more than 1 GB/s, but takes a core for that: what is about speed goes
 * past it.
 */
export async function startCountingProxy(scope, target) {
  const { hostname, port, host } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const proxy = { url: '', delay: 0, requests: [], bytes: 0, reset }

  function reset() {
    proxy.requests = []
    proxy.bytes = 0
  }

  const server = createServer((incoming, outgoing) => {
    const { method, url: path } = incoming
    proxy.requests.push(`${method} ${path}`)
    const pass = () => {
      const headers = { ...incoming.headers, host }
      const asked = request({ agent, hostname, port, method, path, headers }, (answer) => {
        outgoing.writeHead(answer.statusCode, answer.rawHeaders)
        answer.on('data', (piece) => (proxy.bytes += piece.length)).pipe(outgoing)
      })
      asked.on('error', () => outgoing.destroy())
      outgoing.on('close', () => asked.destroy())
      incoming.pipe(asked)
    }
    if (proxy.delay === 0) pass()
    else setTimeout(pass, proxy.delay)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy.url = `http://127.0.0.1:${server.address().port}`
  scope.defer(async () => {
    server.closeAllConnections()
    agent.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return proxy
}
