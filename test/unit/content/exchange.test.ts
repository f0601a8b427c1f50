import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Agent } from 'undici'
import { AnswerBody } from '../../../src/content/transport/answer-body.ts'
import { countedBody } from '../../../src/content/transport/counted-body.ts'
import { type Endpoint, endpointAt } from '../../../src/content/transport/endpoint.ts'
import { ask } from '../../../src/content/transport/exchange.ts'

const { signal } = new AbortController()
let server: Server
let listener: RequestListener
let dispatcher: Agent
let sockets: Set<Socket>

beforeEach(async () => {
  sockets = new Set()
  server = createServer((request, response) => listener(request, response))
  server.on('connection', (socket) => sockets.add(socket))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  dispatcher = new Agent()
})
afterEach(async () => {
  await dispatcher.destroy()
  server.closeAllConnections()
  server.close()
})

function endpoint(
  path = '',
  options: { headers?: Record<string, string>; answerTimeout?: number } = {},
): Endpoint {
  const { port } = server.address() as AddressInfo
  return endpointAt(`http://127.0.0.1:${port}${path}`, {
    name: 'test',
    dispatcher,
    stallTimeout: 200,
    ...options,
  })
}

async function text(path = '/', at = endpoint()): Promise<string> {
  const answer = await ask(at, { method: 'GET', path, signal })
  return (await answer.body.readAll(1000)).toString()
}

test('asks below the path of the base URL, with the headers of the endpoint', async () => {
  listener = (request, response) => {
    response.end(`${request.url} ${request.headers['authorization']} ${request.headers['accept-encoding']}`)
  }
  const at = endpoint('/deep/', { headers: { authorization: 'Bearer secret' } })
  expect(await text('/ipfs/x?y', at)).toBe('/deep/ipfs/x?y Bearer secret identity')
})

describe('a connection that was closed while it was idle', () => {
  test('says nothing about the server, which is asked again', async () => {
    let count = 0
    listener = (request, response) => {
      if (++count === 2) request.socket.destroy()
      else response.end(String(count))
    }
    expect(await text()).toBe('1')
    expect(await text()).toBe('3')
  })

  test('is not asked for ever', async () => {
    let count = 0
    listener = (request) => {
      count++
      request.socket.destroy()
    }
    await expect(text()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(count).toBe(2)
  })
})

test('uses connections again whose answers were read to their end', async () => {
  listener = (_, response) => response.end('x'.repeat(500))
  for (let round = 0; round < 20; round++) await text()
  // One may still be busy with the end of an answer when the next question is asked.
  expect(sockets.size).toBeLessThanOrEqual(2)
})

test('closes a connection whose answer is discarded, or whose question is abandoned', async () => {
  listener = (_, response) => response.write('x')
  const answer = await ask(endpoint(), { method: 'GET', path: '/', signal })
  const [socket] = sockets
  answer.body.discard()
  await once(socket!, 'close')

  let asked: () => void = () => undefined
  const arrived = new Promise<void>((resolve) => (asked = resolve))
  listener = () => asked()
  const leaving = new AbortController()
  const question = ask(endpoint(), { method: 'GET', path: '/', signal: leaving.signal })
  question.catch(() => undefined)
  await arrived
  const last = [...sockets].at(-1)!
  leaving.abort(new Error('gone'))
  await expect(question).rejects.toThrow('gone')
  if (!last.destroyed) await once(last, 'close')
})

test('closes a connection whose answer nobody wants, and which drips on', async () => {
  let dripping: NodeJS.Timeout | undefined
  listener = (_, response) => {
    response.write('x')
    dripping = setInterval(() => response.write('x'), 50)
    response.on('close', () => clearInterval(dripping))
  }
  const answer = await ask(endpoint(), { method: 'GET', path: '/', signal })
  const [socket] = sockets
  answer.body.drain()
  await once(socket!, 'close')
})

test.each(['gzip', 'br'])('refuses an answer that is compressed with %s', async (encoding) => {
  listener = (_, response) => {
    response.writeHead(200, { 'content-encoding': encoding }).end('x')
  }
  await expect(text()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
})

test('does not take an early hint for the answer', async () => {
  listener = (_, response) => {
    response.writeEarlyHints({ link: '</x>; rel=preload' })
    response.writeProcessing()
    response.end('the answer')
  }
  expect(await text()).toBe('the answer')
})

test('names who does not answer', async () => {
  listener = () => undefined
  await expect(text('/', endpoint('', { answerTimeout: 50 }))).rejects.toMatchObject({
    code: 'CONTENT_TIMEOUT',
    message: expect.stringContaining('test does not answer at http://127.0.0.1') as unknown,
  })
  const nowhere = endpointAt('http://127.0.0.1:9', { name: 'test', dispatcher })
  await expect(text('/', nowhere)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
})

test('reads no more than it may', async () => {
  listener = (_, response) => response.end('x'.repeat(1001))
  await expect(text()).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
})

test('joins small chunks that have come, in their order', async () => {
  const sent = Array.from({ length: 2000 }, (_, index) => `${index},`)
  listener = (_, response) => {
    for (const piece of sent) response.write(piece)
    response.end()
  }
  const answer = await ask(endpoint(), { method: 'GET', path: '/', signal })
  const pieces: Uint8Array[] = []
  for (let next = await answer.body.readJoined(); next !== undefined; next = await answer.body.readJoined()) {
    pieces.push(next)
  }
  expect(Buffer.concat(pieces).toString()).toBe(sent.join(''))
  expect(pieces.length).toBeLessThan(1000)
})

test('gives a waiting reader all that comes at once', async () => {
  const flow = { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  const body = new AnswerBody({ name: 'test', flow, stallTimeout: 1000, onSettled: () => undefined })
  const first = body.readJoined()
  for (const text of ['a', 'b', 'c']) body.push(Buffer.from(text))
  body.end({})
  expect(Buffer.from((await first) ?? []).toString()).toBe('abc')
  expect(await body.readJoined()).toBeUndefined()
})

test('counts a body of many small chunks in few pieces', async () => {
  const flow = { pause: () => undefined, resume: () => undefined, abort: () => undefined }
  const body = new AnswerBody({ name: 'test', flow, stallTimeout: 1000, onSettled: () => undefined })
  for (let chunk = 0; chunk < 60; chunk += 1) body.push(Buffer.alloc(4096, chunk))
  body.end({})
  const count = { skip: 0, length: 60 * 4096, rest: 0, name: 'test', what: 'it' }
  const pieces: Uint8Array[] = []
  for await (const piece of countedBody(body, count)) pieces.push(piece)
  expect(pieces).toHaveLength(1)
})
