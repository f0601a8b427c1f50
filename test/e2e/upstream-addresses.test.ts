import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { ConnectProxy } from './harness/connect-proxy.ts'
import { CountingListener } from './harness/counting-listener.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Passed } from './harness/counting-proxy.ts'
import { download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { downloadImage } from './harness/image-download.ts'
import { makeImage } from './harness/images.ts'
import { freePort } from './harness/ports.ts'
import { Registry, USER } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['registry', 'umoci', 'skopeo'], 'where a gateway goes', () => {
  const teardown = new Teardown()
  let layout: string
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, '1', { layers: [20_000, 300_000], seed: 'addresses' })
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  async function start(...upstreams: string[]): Promise<Gateway> {
    const flags = upstreams.flatMap((upstream) => ['--upstream', upstream])
    return Gateway.start(teardown, { sources: ['embedded'], flags })
  }

  describe('a registry that sends readers of blobs elsewhere', () => {
    /** It wants a password; where it sends its readers nobody is asked for one. */
    let registry: CountingProxy
    let elsewhere: CountingProxy
    let upstream: string
    beforeAll(async () => {
      const closed = await Registry.start(teardown, { auth: 'htpasswd' })
      const open = await Registry.start(teardown)
      for (const one of [closed, open]) await one.push(layout, '1', 'team/app')
      registry = await CountingProxy.start(teardown, closed.url)
      elsewhere = await CountingProxy.start(teardown, open.url)
      registry.fault = ({ url, headers }) =>
        url.includes('/blobs/') && headers.authorization !== undefined
          ? { kind: 'answer', status: 307, headers: { location: `${elsewhere.url}${url}?signature=s3cret` } }
          : undefined
      upstream = `registry.example=${registry.url};username=${USER.username};password=${USER.password}`
    }, 60_000)

    const gets = (proxy: CountingProxy): Passed[] => proxy.requests.filter(({ method }) => method === 'GET')

    test('is not followed to a private address', async () => {
      const gateway = await start(upstream)
      const missing = await downloadImage(`${gateway.url}/v2/registry.example/team/app`, layout, '1')
      expect(missing.map(({ path }) => path.split('/')[0])).toEqual(['blobs', 'blobs', 'blobs'])
      for (const { got } of missing) {
        expect([502, 503]).toContain(got.status)
        expect(got.text).not.toContain('s3cret')
      }
      expect(elsewhere.requests).toEqual([])
      expect(gateway.process.output()).not.toContain('s3cret')
    })

    test('is followed where that is allowed, and nobody there is shown a password', async () => {
      const gateway = await start(`${upstream};private-redirects=true`)
      expect(await downloadImage(`${gateway.url}/v2/registry.example/team/app`, layout, '1')).toEqual([])
      expect(gets(elsewhere)).toHaveLength(3)
      expect(elsewhere.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
      expect(gateway.process.output()).not.toContain('s3cret')
    })

    test('clients are sent there themselves where that is wanted', async () => {
      const gateway = await start(`${upstream};private-redirects=true;redirect-clients=true`)
      const repository = `${gateway.url}/v2/registry.example/team/app`
      elsewhere.reset()
      const [blob] = (await downloadImage(repository, layout, '1')).filter(({ path }) =>
        path.startsWith('blobs/'),
      )
      expect(blob?.got.status).toBe(307)
      expect(blob?.got.headers.location?.startsWith(elsewhere.url)).toBe(true)
      expect(gets(elsewhere)).toEqual([])
    })
  })

  describe('a name of a registry that is not configured', () => {
    let gateway: Gateway
    let listener: CountingListener
    let world: ConnectProxy
    beforeAll(async () => {
      listener = await CountingListener.start(teardown)
      world = await ConnectProxy.start(teardown)
      const registry = await Registry.start(teardown)
      gateway = await Gateway.start(teardown, {
        sources: ['embedded'],
        flags: ['--upstream', `registry.example=${registry.url}`],
        // All but the loopback goes through a proxy, which counts too.
        env: world.environment,
      })
    }, 60_000)

    test.each([
      ['a path', () => 'evil.example/team/app/manifests/1'],
      ['a path with an address', () => '127.0.0.1/team/app/manifests/1'],
      ['a path with localhost', () => 'localhost/team/app/manifests/1'],
      ['a path with a port', () => `127.0.0.1:${listener.port}/team/app/manifests/1`],
      ['no registry, and there is no default', () => 'team/app/manifests/1'],
      ['ns', () => 'team/app/manifests/1?ns=evil.example'],
      ['ns with an address', () => `team/app/manifests/1?ns=127.0.0.1:${listener.port}`],
      ['ns with a URL', () => `team/app/manifests/1?ns=http://127.0.0.1:${listener.port}`],
      ['ns with a user', () => `team/app/manifests/1?ns=registry.example@127.0.0.1:${listener.port}`],
      ['ns with a path', () => `team/app/tags/list?ns=127.0.0.1:${listener.port}/registry.example`],
      ['two of ns', () => `team/app/manifests/1?ns=evil.example&ns=127.0.0.1:${listener.port}`],
    ])('opens no connection: by %s', async (_, path) => {
      const got = await download(`${gateway.url}/v2/${path()}`)
      expect({ status: got.status, text: got.text }).toEqual({
        status: path().includes(`:${listener.port}/team`) ? 400 : 404,
        text: expect.stringMatching(/"NAME_(UNKNOWN|INVALID)"/),
      })
      expect(listener.connections).toBe(0)
      expect(world.asked).toEqual([])
    })

    test('a Host header chooses nothing either', async () => {
      const headers = { host: `127.0.0.1:${listener.port}` }
      const got = await download(`${gateway.url}/v2/team/app/manifests/1`, { headers })
      expect(got.status).toBe(404)
      expect(listener.connections).toBe(0)
    })
  })

  describe('a gateway that is its own upstream', () => {
    test('says so', async () => {
      const port = await freePort()
      const flags = ['--upstream', `docker.io=http://127.0.0.1:${port}`]
      const gateway = await Gateway.start(teardown, { sources: ['embedded'], port, flags })
      await expectLoop(gateway)
    })

    test('says so when there is another between', async () => {
      const port = await freePort()
      const second = await start(`docker.io=http://127.0.0.1:${port}`)
      const flags = ['--upstream', `docker.io=${second.url}`]
      const first = await Gateway.start(teardown, { sources: ['embedded'], port, flags })
      await expectLoop(first)
      await expectLoop(second)
    })

    async function expectLoop(gateway: Gateway): Promise<void> {
      const got = await download(`${gateway.url}/v2/library/app/manifests/1`)
      expect({ status: got.status, text: got.text }).toEqual({
        status: 508,
        text: expect.stringMatching(/its own upstream|asks this gateway/),
      })
    }
  })
})
