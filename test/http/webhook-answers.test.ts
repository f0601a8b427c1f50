import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Dispatcher } from 'undici'
import { createDispatcher } from '../../src/content/transport/dispatcher.ts'
import { endpointAt } from '../../src/content/transport/endpoint.ts'
import { Notices } from '../../src/events/notices.ts'
import { postTo, type PostResult } from '../../src/events/post.ts'
import { until } from '../fixtures/blob-store.ts'
import { reply, startStubServer, type Handler, type StubServer } from '../fixtures/stub-upstream.ts'

const never = new AbortController().signal
const SECRET = 'c0rrect-h0rse'
const { record } = new Notices({ addr: 'here:5000', instanceID: 'this one' }).ofRoot({
  ...{ root: 'home', version: 1 },
  cid: 'bafy',
})

let receiver: StubServer
let dispatcher: Dispatcher

beforeEach(async () => {
  receiver = await startStubServer()
  dispatcher = createDispatcher({})
})

afterEach(async () => {
  await dispatcher.destroy()
  await receiver.close()
})

function post(origin = receiver.url, answerTimeout = 30_000, signal = never): Promise<PostResult> {
  const headers = { authorization: SECRET }
  const endpoint = endpointAt(origin, { name: 'the webhook ci', dispatcher, headers, answerTimeout })
  return postTo(endpoint, `/hook/?key=${SECRET}`)([record], signal)
}

const status =
  (code: number, headers: Record<string, string> = {}): Handler =>
  ({ headers: { authorization = '' } }, response) =>
    reply(response, code, headers, `you said ${authorization}`)

test.each([200, 201, 202, 204, 299])('%i is taken', async (code) => {
  receiver.answer = (_, response) => void response.writeHead(code).end()
  expect(await post()).toEqual({ kind: 'taken' })
  expect(receiver.requests).toMatchObject([{ method: 'POST', url: `/hook/?key=${SECRET}` }])
  expect(JSON.parse(receiver.requests[0]?.body ?? '')).toEqual({ events: [record] })
})

test.each([300, 301, 302, 307, 308, 400, 401, 403, 404, 408, 410, 413, 451])(
  '%i is refused',
  async (code) => {
    const elsewhere = await startStubServer(status(200))
    receiver.answer = status(code, { location: elsewhere.url })
    const result = await post()
    expect(result).toEqual({ kind: 'refused', reason: expect.stringContaining(String(code)) as unknown })
    expect(elsewhere.requests).toEqual([])
    expect(JSON.stringify(result)).not.toContain(SECRET)
    await elsewhere.close()
  },
)

test.each<[number, Record<string, string>, number | undefined]>([
  [429, {}, undefined],
  [429, { 'retry-after': '7' }, 7_000],
  [503, { 'retry-after': '7' }, 7_000],
  [500, { 'retry-after': 'soon' }, undefined],
  [502, {}, undefined],
  [599, {}, undefined],
  [429, { 'retry-after': '86400' }, 300_000],
])('%i with %j may be taken later', async (code, headers, pause) => {
  receiver.answer = status(code, headers)
  const result = await post()
  expect(result).toEqual({ kind: 'failed', reason: `the webhook ci answers ${code}`, pause })
})

test('what is taken is so whatever comes behind its status', async () => {
  receiver.answer = (_, response) =>
    void response.writeHead(200, { 'content-encoding': 'gzip' }).write('no gzip')
  expect(await post()).toEqual({ kind: 'taken' })
})

test('one that is not there may come back', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  const result = await post(`http://127.0.0.1:${port}`)
  expect(result).toMatchObject({ kind: 'failed', pause: undefined })
  expect(JSON.stringify(result)).toContain('ECONNREFUSED')
  expect(JSON.stringify(result)).not.toContain(SECRET)
})

test('one that breaks off may be better later', async () => {
  receiver.answer = (_, response) => void response.destroy()
  expect((await post()).kind).toBe('failed')
})

test('one that says nothing is given its time', async () => {
  receiver.answer = () => undefined
  const result = await post(receiver.url, 50)
  expect(result).toMatchObject({ kind: 'failed', reason: expect.stringContaining('in time') as unknown })
  await until(() => receiver.abandoned === 1)
})

test('what is cut is a failure too', async () => {
  receiver.answer = () => undefined
  const end = new AbortController()
  const result = post(receiver.url, 30_000, end.signal)
  await until(() => receiver.requests.length === 1)
  end.abort(new Error('the end'))
  expect(await result).toEqual({ kind: 'failed', reason: 'the end', pause: undefined })
})
