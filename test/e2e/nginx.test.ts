import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { IncomingMessage, RequestListener, Server } from 'node:http'
import { request as requestTls } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { makeCertificate } from '../fixtures/certificate.ts'
import { startNginx, withTls } from './harness/nginx.ts'
import { freePort } from './harness/ports.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

/** Stands for a gateway. */
interface StandIn {
  readonly host: string
  readonly server: Server
  readonly seen: IncomingMessage[]
}

const hex = (i: number): string => i.toString(16).padStart(64, '0')
const NAMES = Array.from({ length: 60 }, (_, i) => i)

describeWith(['nginx'], 'the configuration for fleets', () => {
  const teardown = new Teardown()
  let answer: RequestListener = (_req, res) => void res.end()
  let fleet: StandIn[]
  let host: string
  beforeAll(async () => {
    const member = (_: unknown, i: number): Promise<StandIn> =>
      standIn(teardown, (req, res) => {
        res.setHeader('by', i)
        answer(req, res)
      })
    fleet = await Promise.all(Array.from({ length: 4 }, member))
    host = await startNginx(
      teardown,
      fleet.map((one) => one.host),
    )
  }, 30_000)
  afterEach(() => {
    for (const { seen } of fleet) seen.length = 0
  })
  afterAll(() => teardown.run(), 30_000)

  test.each([
    [
      'a blob',
      (i: number) => [
        `/v2/ipfs/one/app/blobs/sha256:${hex(i)}`,
        `/v2/ipns/images.example.org/other/blobs/sha256:${hex(i)}`,
        `/v2/ipfs/one/app/blobs/sha256%3A${hex(i)}?ns=docker.io`,
        `/ipfs/one/app/blobs/sha256/${hex(i)}?format=car&dag-scope=entity`,
        `/ipns/images.example.org/blobs/sha256/${hex(i)}`,
      ],
    ],
    [
      'a repository',
      (i: number) => [
        `/v2/ipfs/root/app${i}/manifests/latest`,
        `/v2/ipfs/root/app${i}/manifests/sha256:${hex(1)}`,
        `/v2/ipfs/root/app${i}/tags/list?n=10`,
        `/v2/ipfs/root/app${i}/referrers/sha256:${hex(2)}`,
        `/ipfs/root/app${i}?format=car`,
        `/ipfs/root/app${i}/`,
        `/ipfs/root/app${i}/index.json?format=car&dag-scope=entity`,
      ],
    ],
    ['a block', (i: number) => [`/ipfs/bafkrei${i}?format=raw`, `/ipfs/bafkrei${i}`]],
  ])('sends every request for %s to one gateway, and different ones to all', async (_, targets) => {
    answer = (_req, res) => void res.end()
    const all = new Set<string | undefined>()
    for (const i of NAMES) {
      const got = await Promise.all(targets(i).map((target) => ask(host, target)))
      expect(got.map(({ by }) => by)).toEqual(got.map(() => got[0]?.by))
      all.add(got[0]?.by)
    }
    expect([...all].sort()).toEqual(fleet.map((_, i) => String(i)))
  })

  test('passes a request on as it is, and tells where it comes from', async () => {
    answer = (_req, res) => void res.end()
    const target = `/v2/ipfs/a%2Db/blobs//sha256%3A${hex(1)}?a=%20b`
    // As long as lists of lazily pulling clients are.
    const range = `bytes=${Array.from({ length: 3000 }, (_, i) => `${i * 100}-${i * 100 + 9}`).join(',')}`
    const { status } = await ask(host, target, { host: 'images.example.org:8443', range })
    const [seen] = fleet.flatMap((one) => one.seen)
    expect([status, seen?.url, seen?.httpVersion]).toEqual([200, target, '1.1'])
    expect(seen?.headers).toMatchObject({
      range,
      host: 'images.example.org:8443',
      'x-forwarded-host': 'images.example.org:8443',
      'x-forwarded-for': '127.0.0.1',
      'x-forwarded-proto': 'http',
    })
    expect(seen?.headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/)
    expect(seen?.headers.connection).not.toBe('close')
  })

  test.each([429, 500, 502, 503, 504])(
    'a %i is given as it is, and does not count against the gateway',
    async (status) => {
      answer = (_req, res) => {
        res.writeHead(status, { 'retry-after': '7', 'content-type': 'application/json' })
        res.end('{"errors":[]}')
      }
      // More often than max_fails.
      for (let i = 0; i < 5; i += 1) {
        const got = await ask(host, '/v2/ipfs/nowhere/manifests/latest')
        expect(got).toMatchObject({ status, retry: '7', body: '{"errors":[]}' })
      }
      expect(fleet.map(({ seen }) => seen.length).sort()).toEqual([0, 0, 0, 5])
    },
  )

  test('a gateway that breaks off before its answer, or is gone, is replaced by the same other one', async () => {
    const targets = NAMES.map((i) => `/v2/ipfs/root/app/blobs/sha256:${hex(i)}`)
    answer = (_req, res) => void res.end()
    const before = await Promise.all(targets.map((target) => ask(host, target)))
    const [lost] = fleet as [StandIn]
    const lostTarget = targets[before.findIndex(({ by }) => by === '0')] as string
    answer = (req, res) => (lost.seen.includes(req) ? req.socket.destroy() : res.end())
    const other = (await ask(host, lostTarget)).by
    expect(other).not.toBe('0')

    lost.server.close()
    lost.server.closeAllConnections()
    for (const [i, target] of targets.entries()) {
      const { status, by } = await ask(host, target)
      // What others had stays where it was.
      if (before[i]?.by !== '0') expect([status, by]).toEqual([200, before[i]?.by])
      else expect([status, by === '0']).toEqual([200, false])
    }
    expect((await ask(host, lostTarget)).by).toBe(other)
  })

  test('where no gateway is left, it is 503 with Retry-After in words of the protocol', async () => {
    const alone = await startNginx(teardown, [`127.0.0.1:${await freePort()}`])
    const got = await ask(alone, '/v2/')
    expect(got).toMatchObject({ status: 503, retry: '5' })
    expect(JSON.parse(got.body)).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] })
  })

  test('the lines for TLS', async () => {
    answer = (req, res) => void res.end(req.headers['x-forwarded-proto'])
    const folder = await tempFolder(teardown, 'tls')
    const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
    const { cert, key } = makeCertificate('localhost')
    await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)])
    const port = await freePort()
    const hosts = fleet.map((one) => one.host)
    await startNginx(teardown, hosts, withTls(files, port))
    expect(await ask(`127.0.0.1:${port}`, '/v2/', {}, { ca: cert })).toMatchObject({ body: 'https' })
  })
})

async function standIn(teardown: Teardown, answer: RequestListener): Promise<StandIn> {
  const seen: IncomingMessage[] = []
  const server = createServer({ maxHeaderSize: 65_536 }, (req, res) => {
    seen.push(req)
    answer(req, res)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  teardown.defer(() => {
    server.close()
    server.closeAllConnections()
  })
  return { server, seen, host: `127.0.0.1:${(server.address() as AddressInfo).port}` }
}

interface Answer {
  readonly status: number
  /** Place in the fleet of the gateway that it is from. */
  readonly by: string | undefined
  readonly retry: string | undefined
  readonly body: string
}

/** GET exactly this target. */
async function ask(
  host: string,
  target: string,
  headers: Record<string, string> = {},
  tls?: { ca: string },
): Promise<Answer> {
  const [hostname, port] = host.split(':')
  const options = { hostname, port, path: target, headers, agent: false }
  const asked =
    tls === undefined ? request(options) : requestTls({ ...options, ...tls, servername: 'localhost' })
  asked.end()
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  let body = ''
  for await (const piece of answer.setEncoding('utf8')) body += piece
  const { by, 'retry-after': retry } = answer.headers
  return { status: answer.statusCode ?? 0, by: by?.toString(), retry, body }
}
