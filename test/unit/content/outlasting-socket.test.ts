import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Dispatcher } from 'undici'
import { createDispatcher } from '../../../src/content/transport/dispatcher.ts'
import { endpointAt } from '../../../src/content/transport/endpoint.ts'
import { ask, type Answer } from '../../../src/content/transport/exchange.ts'

/** Bytes after which a body is paused that nobody reads. */
const SIZE = 256 * 1024
const BODY = Buffer.alloc(SIZE, 'a')
const HEAD = 'HTTP/1.1 200 OK\r\nConnection: close\r\n'
const CHANNEL = 'undici:client:connected'

let server: Server
let dispatcher: Dispatcher
let serve: (socket: Socket) => void
/** Resolves when the client's side of the connection has come to its end, or has broken. */
let over: Promise<void>
let watch: (message: unknown) => void

beforeEach(async () => {
  server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => serve(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  dispatcher = createDispatcher({})
  over = new Promise((resolve) => {
    watch = (message) => {
      const { socket } = message as { socket: Socket }
      for (const event of ['end', 'error', 'close']) socket.prependOnceListener(event, () => resolve())
    }
  })
  subscribe(CHANNEL, watch)
})

afterEach(async () => {
  unsubscribe(CHANNEL, watch)
  await dispatcher.destroy()
  server.close()
})

function head(): Promise<Answer> {
  const { port } = server.address() as AddressInfo
  const endpoint = endpointAt(`http://127.0.0.1:${port}`, { name: 'test', dispatcher, stallTimeout: 20_000 })
  return ask(endpoint, { method: 'GET', path: '/', signal: new AbortController().signal })
}

test.each([
  ['a length', `${HEAD}Content-Length: ${SIZE}\r\n\r\n`],
  ['nothing but its end', `${HEAD}\r\n`],
])('a body with %s is whole, though its connection ended while it was paused', async (_, before) => {
  serve = (socket) => {
    socket.write(before)
    socket.end(BODY)
  }
  const { body } = await head()
  await over
  expect((await body.readAll(2 * SIZE)).equals(BODY)).toBe(true)
})

test('a body whose connection breaks while it is paused is a failure of that body', async () => {
  serve = (socket) => {
    socket.write(`${HEAD}Content-Length: ${SIZE + 1}\r\n\r\n`)
    socket.write(BODY)
    serve = () => undefined
    setImmediate(function reset() {
      if (socket.writableLength > 0) setImmediate(reset)
      else socket.resetAndDestroy()
    })
  }
  const { body } = await head()
  await over
  await expect(body.readAll(2 * SIZE)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
})

test('a body that nobody reads any more lets go of a connection that has ended', async () => {
  serve = (socket) => {
    socket.end(Buffer.concat([Buffer.from(`${HEAD}\r\n`), BODY]))
  }
  const { body } = await head()
  await over
  body.discard()
  await expect(body.read()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  await new Promise<void>((resolve) => server.close(() => resolve()))
})
