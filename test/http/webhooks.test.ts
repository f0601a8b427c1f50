import bcrypt from '@node-rs/bcrypt'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Flags } from '../../src/config/load.ts'
import type { EventRecord } from '../../src/events/envelope.ts'
import { until } from '../fixtures/blob-store.ts'
import { imageToPush, PushClient } from '../fixtures/push-client.ts'
import { ask, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { reply, startStubServer, type StubServer } from '../fixtures/stub-upstream.ts'

const SECRET = 'c0rrect-h0rse'
const AGENT = 'a-client/1.0'
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const image = imageToPush()

let folder: Awaited<ReturnType<typeof storeFolder>>
let receiver: StubServer
let gateway: ServedGateway
let client: PushClient
let stopped: boolean

beforeEach(async () => {
  folder = await storeFolder()
  receiver = await startStubServer((_, response) => reply(response, 200))
})

afterEach(async () => {
  if (!stopped) await gateway.stop()
  await receiver.close()
  await folder.remove()
})

async function start(flags: Flags = {}, webhook = `${receiver.url}/hook`): Promise<void> {
  stopped = false
  gateway = await startServedGateway(folder.path, {
    ...{ source: ['embedded'], upstream: ['none'], push: true, delete: true, webhook: [webhook] },
    ...flags,
  })
  client = new PushClient(gateway.port)
}

async function stop(signal?: AbortSignal): Promise<void> {
  stopped = true
  await gateway.stop(signal)
}

const events = (from = receiver): EventRecord[] =>
  from.requests.flatMap(({ body }) => (JSON.parse(body) as { events: EventRecord[] }).events)

const without = (action: string) => events().filter((event) => event.action !== action)

async function pushBlobs(): Promise<void> {
  for (const [digest, bytes] of image.blobs) expect((await client.pushBlob(digest, bytes)).status).toBe(201)
}

function put(reference: string, more: Record<string, string> = {}): Promise<RawAnswer> {
  const headers = { 'content-type': image.mediaType, 'user-agent': AGENT, ...more }
  return client.send('PUT', `manifests/${reference}`, { body: image.bytes, headers })
}

async function push(reference = 'v1'): Promise<RawAnswer> {
  await pushBlobs()
  const answer = await put(reference)
  expect(answer.status).toBe(201)
  return answer
}

async function metric(name: string, labels: string): Promise<number> {
  const text = (await ask(gateway.adminPort, '/metrics')).body.toString()
  const line = text.split('\n').find((one) => one.startsWith(`ipfs_registry_${name}{${labels}} `))
  return line === undefined ? 0 : Number(line.slice(line.lastIndexOf(' ')))
}

const logged = (message: string): Record<string, unknown>[] =>
  gateway
    .log()
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter((line) => line['message'] === message)

describe('what is told', () => {
  test('a push under a tag, as distribution tells it, and the version of the root', async () => {
    await start()
    const answer = await push()
    await until(() => events().length === 2)
    const [root, pushed] = events()
    const host = `127.0.0.1:${gateway.port}`
    const size = image.bytes.length
    expect(pushed).toEqual({
      id: expect.stringMatching(UUID) as unknown,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as unknown,
      action: 'push',
      target: {
        ...{ mediaType: image.mediaType, digest: image.digest, size, length: size },
        ...{ repository: 'team/app', tag: 'v1' },
        url: `http://${host}/v2/team/app/manifests/${image.digest}`,
        ipfsPath: answer.headers['x-ipfs-path'],
      },
      request: {
        ...{ id: answer.headers['x-request-id'], addr: '127.0.0.1', host, method: 'PUT', useragent: AGENT },
      },
      actor: {},
      source: root?.source,
    })
    expect(root).toMatchObject({
      action: 'root',
      target: { root: 'home', version: 1, cid: expect.stringMatching(/^bafy/) as unknown },
      request: { id: '', method: '', useragent: '' },
      actor: {},
      source: { instanceID: expect.stringMatching(UUID) as unknown },
    })
    const [request] = receiver.requests
    expect(request).toMatchObject({ method: 'POST', url: '/hook' })
    expect(request?.headers).toMatchObject({
      'content-type': 'application/vnd.docker.distribution.events.v1+json',
      'user-agent': expect.stringMatching(/^ipfs-registry-gateway\//) as unknown,
    })
  })

  test('pushes by digest, with many tags, and of what is there already', async () => {
    await start()
    await pushBlobs()
    expect((await put(image.digest)).status).toBe(201)
    expect((await put(`${image.digest}?tag=a&tag=b&tag=a`)).status).toBe(201)
    expect((await put('a')).status).toBe(201)
    await until(() => without('root').length === 4)
    expect(without('root').map(({ target }) => [target.digest, target.tag])).toEqual([
      [image.digest, undefined],
      [image.digest, 'a'],
      [image.digest, 'b'],
      [image.digest, 'a'],
    ])
    // The last push changed nothing.
    expect(
      events()
        .filter(({ action }) => action === 'root')
        .map(({ target }) => target.version),
    ).toEqual([1, 2])
  })

  test('deletions of tags and manifests, and which tags went with one', async () => {
    await start()
    await push('a')
    for (const tag of ['b', 'c']) expect((await put(tag)).status).toBe(201)
    expect((await client.send('DELETE', 'manifests/b')).status).toBe(202)
    expect((await client.send('DELETE', `manifests/${image.digest}`)).status).toBe(202)
    const told = () => events().filter(({ action }) => action === 'delete')
    await until(() => told().length === 4)
    expect(told().map(({ target }) => target)).toEqual([
      { repository: 'team/app', tag: 'b' },
      { repository: 'team/app', digest: image.digest },
      { repository: 'team/app', tag: 'a' },
      { repository: 'team/app', tag: 'c' },
    ])
    expect(
      new Set(
        told()
          .slice(1)
          .map(({ request }) => request.id),
      ).size,
    ).toBe(1)
  })

  test('of blobs where that is asked for: pushed in parts and whole, mounted, deleted', async () => {
    await start({}, `${receiver.url};event=blob`)
    const [[digest = '', bytes = Buffer.alloc(0)] = []] = [...image.blobs]
    expect((await client.pushBlob(digest, bytes)).status).toBe(201)
    const upload = await client.begin()
    expect((await client.send('PUT', `${upload}?digest=${digest}`, { body: bytes })).status).toBe(201)
    const other = new PushClient(gateway.port, 'team/other')
    expect((await other.send('POST', `blobs/uploads/?mount=${digest}&from=team/app`)).status).toBe(201)
    expect((await client.send('DELETE', `blobs/${digest}`)).status).toBe(202)
    await until(() => events().length === 4)
    const size = bytes.length
    const blob = (repository: string) => ({
      ...{ mediaType: 'application/octet-stream', digest, size, length: size, repository },
      url: `http://127.0.0.1:${gateway.port}/v2/${repository}/blobs/${digest}`,
    })
    expect(events().map(({ action, target }) => [action, target])).toEqual([
      ['push', blob('team/app')],
      ['push', blob('team/app')],
      ['mount', { ...blob('team/other'), fromRepository: 'team/app' }],
      ['delete', { digest, repository: 'team/app' }],
    ])
  })

  test('nothing of what was refused or is not there', async () => {
    await start(
      { 'immutable-tags': ['**:v*'] },
      `${receiver.url};event=push;event=delete;event=blob;event=root`,
    )
    expect((await put('v1')).status).toBe(404)
    expect((await client.pushBlob(`sha256:${'0'.repeat(64)}`, 'other bytes')).status).toBe(400)
    expect((await client.send('DELETE', 'manifests/v1')).status).toBe(404)
    expect(
      (await client.send('PUT', 'manifests/v1', { headers: { origin: 'https://evil.example' } })).status,
    ).toBe(403)
    const [[digest = '', bytes = Buffer.alloc(0)] = []] = [...image.blobs]
    expect((await client.pushBlob(digest, bytes)).status).toBe(201)
    await until(() => events().length === 1)
    expect(events()[0]?.target.digest).toBe(digest)
  })

  test('the client behind a trusted proxy, and the address that it calls the gateway by', async () => {
    await start({ 'push-host': ['registry.example.org'] })
    await pushBlobs()
    const forwarded = {
      'x-forwarded-for': '192.0.2.7',
      'x-forwarded-proto': 'https',
      host: 'registry.example.org',
    }
    expect((await put('v1', forwarded)).status).toBe(201)
    await until(() => without('root').length === 1)
    const [pushed] = without('root')
    expect(pushed?.request).toMatchObject({ addr: '192.0.2.7', host: 'registry.example.org' })
    expect(pushed?.target.url).toBe(`https://registry.example.org/v2/team/app/manifests/${image.digest}`)
  })
})

describe('where users are known', () => {
  const authorization = `Basic ${btoa('alice:wonder')}`

  async function startWithUsers(flags: Flags = {}): Promise<void> {
    const file = join(folder.path, 'htpasswd')
    await writeFile(file, `alice:${await bcrypt.hash('wonder', 4)}`)
    await start({ auth: `htpasswd=${file}`, 'auth-rules': 'public', ...flags })
  }

  async function pushAsAlice(): Promise<RawAnswer> {
    for (const [digest, body] of image.blobs) {
      await client.send('POST', `blobs/uploads/?digest=${digest}`, { body, headers: { authorization } })
    }
    return put('v1', { authorization })
  }

  test('it is told who it was', async () => {
    await startWithUsers()
    expect((await put('v1')).status).toBe(401)
    expect((await pushAsAlice()).status).toBe(201)
    await until(() => events().length === 2)
    expect(without('root')[0]).toMatchObject({ actor: { name: 'alice' }, target: { repository: 'team/app' } })
    expect(without('root')[0]?.target.ipfsPath).toMatch(/^\/ipfs\//)
    expect(logged('a manifest was pushed')).toMatchObject([{ user: 'alice', name: 'team/app', tag: 'v1' }])
    expect(receiver.requests.map(({ headers }) => headers.authorization)).toEqual([undefined, undefined])
  })

  test('no CID is told of what not everybody may pull', async () => {
    await startWithUsers({ 'auth-rules': 'private' })
    expect((await pushAsAlice()).status).toBe(201)
    await until(() => events().length === 2)
    expect(events().map(({ target }) => target)).toEqual([
      { root: 'private', version: 1 },
      expect.objectContaining({ repository: 'team/app', tag: 'v1', digest: image.digest }),
    ])
    expect(receiver.requests.map(({ body }) => body).join()).not.toMatch(/bafy|bafk|\/ipfs\//)
    const lines = [...logged('a manifest was pushed'), ...logged('a root has changed')]
    expect(lines).toHaveLength(2)
    expect(JSON.stringify(lines)).not.toMatch(/bafy|bafk|\/ipfs\//)
  })
})

describe('a receiver', () => {
  test('is shown its secrets, and nobody else is', async () => {
    await writeFile(join(folder.path, 'token'), `${SECRET}\n`)
    receiver.answer = ({ headers }, response) => reply(response, 400, {}, headers['x-hook'] as string)
    const url = receiver.url.replace('://', `://me:${SECRET}@`)
    await start({}, `${url}/${SECRET}?key=${SECRET};header-file.X-Hook=${join(folder.path, 'token')}`)
    await push()
    await until(() => receiver.requests.length === 2)
    await until(() => logged('a webhook does not get an event').length === 2)
    expect(receiver.requests[0]).toMatchObject({ url: `/${SECRET}?key=${SECRET}` })
    expect(receiver.requests[0]?.headers).toMatchObject({
      'x-hook': SECRET,
      authorization: `Basic ${btoa(`me:${SECRET}`)}`,
    })
    const metrics = (await ask(gateway.adminPort, '/metrics')).body.toString()
    expect([gateway.log().join('\n'), metrics].join()).not.toContain(SECRET)
    expect(metrics).toContain(`webhook="127.0.0.1:${receiver.port}"`)
  })

  test('that fails gets all in order when it is back, and pushes go on meanwhile', async () => {
    let failing = true
    receiver.answer = (_, response) => reply(response, failing ? 500 : 200)
    await start({}, `${receiver.url};event=tag;name=ci`)
    await pushBlobs()
    for (const tag of ['a', 'b', 'c']) expect((await put(tag)).status).toBe(201)
    await until(() => logged('a webhook takes no events').length > 0)
    expect(await metric('webhook_waiting_events', 'webhook="ci"')).toBe(3)
    failing = false
    const before = receiver.requests.length
    await until(() => receiver.requests.length === before + 3)
    expect(
      events()
        .slice(before)
        .map(({ target }) => target.tag),
    ).toEqual(['a', 'b', 'c'])
    expect(new Set(events().map(({ id }) => id)).size).toBe(3)
    await until(async () => (await metric('webhook_events_total', 'webhook="ci",result="delivered"')) === 3)
    expect(await metric('webhook_waiting_events', 'webhook="ci"')).toBe(0)
    expect(await metric('webhook_failures_total', 'webhook="ci"')).toBeGreaterThan(0)
    expect(logged('a webhook takes events again')).toHaveLength(1)
  })

  test('that hangs is in nobody’s way, neither that of pushes nor of other receivers', async () => {
    receiver.answer = () => undefined
    const other = await startStubServer((_, response) => reply(response, 204))
    await start({ webhook: [`${receiver.url};event=tag`, `${other.url};event=tag`], 'webhook-queue': '2' })
    await pushBlobs()
    for (const tag of ['a', 'b', 'c', 'd', 'e']) expect((await put(tag)).status).toBe(201)
    await until(() => events(other).length === 5)
    expect(receiver.requests).toHaveLength(1)
    const lost = logged('a webhook does not get an event')
    expect(lost.map(({ result, tag }) => [result, tag])).toEqual([
      ['dropped', 'b'],
      ['dropped', 'c'],
    ])
    await other.close()
  })

  test('that refuses is not asked again, and that is said', async () => {
    receiver.answer = ({ body }, response) => reply(response, body.includes('"tag":"bad"') ? 400 : 200)
    await start({}, `${receiver.url};event=tag;name=ci`)
    await pushBlobs()
    for (const tag of ['bad', 'good']) expect((await put(tag)).status).toBe(201)
    await until(async () => (await metric('webhook_events_total', 'webhook="ci",result="delivered"')) === 1)
    expect(events().map(({ target }) => target.tag)).toEqual(['bad', 'good'])
    expect(await metric('webhook_events_total', 'webhook="ci",result="refused"')).toBe(1)
    expect(logged('a webhook does not get an event')).toMatchObject([
      { level: 'warn', webhook: 'ci', result: 'refused', action: 'push', repository: 'team/app', tag: 'bad' },
    ])
  })

  test('takes many events at once where it says so', async () => {
    const held: (() => void)[] = []
    receiver.answer = (_, response) => void held.push(() => reply(response, 200))
    await start({}, `${receiver.url};event=tag;batch=10`)
    await pushBlobs()
    for (const tag of ['a', 'b', 'c']) expect((await put(tag)).status).toBe(201)
    await until(() => held.length === 1)
    held.shift()?.()
    await until(() => held.length === 1)
    held.shift()?.()
    expect(receiver.requests.map(({ body }) => (JSON.parse(body) as { events: [] }).events.length)).toEqual([
      1, 2,
    ])
    expect(events().map(({ target }) => target.tag)).toEqual(['a', 'b', 'c'])
  })
})

describe('the end of the gateway', () => {
  test('waits a moment for what has not been told', async () => {
    const held: (() => void)[] = []
    receiver.answer = (_, response) => void held.push(() => reply(response, 200))
    await start({}, `${receiver.url};event=tag`)
    await pushBlobs()
    for (const tag of ['a', 'b']) expect((await put(tag)).status).toBe(201)
    await until(() => held.length === 1)
    const stopping = stop(new AbortController().signal)
    await until(() => logged('stopping: what is under way may end').length === 1)
    held.shift()?.()
    await until(() => held.length === 1)
    held.shift()?.()
    await stopping
    expect(events().map(({ target }) => target.tag)).toEqual(['a', 'b'])
    expect(logged('a webhook does not get an event')).toEqual([])
  })

  test('waits for no receiver that hangs, and says what it was not told', async () => {
    receiver.answer = () => undefined
    await start({}, `${receiver.url};event=tag`)
    await push()
    await until(() => receiver.requests.length === 1)
    await stop()
    expect(logged('a webhook does not get an event')).toMatchObject([{ result: 'dropped', tag: 'v1' }])
  })
})

test('without a receiver the log tells all the same, each event once', async () => {
  await start({ webhook: [] })
  const pushed = await push()
  expect((await client.send('DELETE', 'manifests/v1')).status).toBe(202)
  expect((await client.send('DELETE', `manifests/${image.digest}`)).status).toBe(202)
  await until(() => logged('request').length === image.blobs.size + 3)
  expect(logged('a manifest was pushed')).toEqual([
    expect.objectContaining({
      ...{ level: 'info', name: 'team/app', tag: 'v1', digest: image.digest, mediaType: image.mediaType },
      ...{ contentPath: pushed.headers['x-ipfs-path'], id: pushed.headers['x-request-id'] },
    }),
  ])
  expect(logged('a tag was deleted')).toMatchObject([{ name: 'team/app', tag: 'v1' }])
  expect(logged('a manifest was deleted')).toMatchObject([{ name: 'team/app', digest: image.digest }])
  expect(logged('a root has changed').map(({ version }) => version)).toEqual([1, 2, 3])
  expect(logged('a blob was pushed')).toEqual([])
})
