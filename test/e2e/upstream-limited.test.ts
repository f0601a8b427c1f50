import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { CountingProxy } from './harness/counting-proxy.ts'
import type { Fault } from './harness/counting-proxy.ts'
import { brought, download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { downloadImage } from './harness/image-download.ts'
import { descriptorOf, makeImage } from './harness/images.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const LIMITED: Fault = {
  kind: 'answer',
  status: 429,
  headers: { 'retry-after': '7', 'content-type': 'application/json' },
  body: '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
}

describeWith(['registry', 'umoci', 'skopeo'], 'an upstream that wants fewer requests, or is gone', () => {
  const teardown = new Teardown()
  let layout: string
  let digest: string
  let registry: Registry
  let proxy: CountingProxy
  let gateway: Gateway
  let repository: string
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, '1', { layers: [20_000, 300_000], seed: 'limited' })
    digest = (await descriptorOf(layout, '1')).digest
    registry = await Registry.start(teardown)
    for (const name of ['team/had', 'team/new']) await registry.push(layout, '1', name)
    proxy = await CountingProxy.start(teardown, registry.url)
    const flags = ['--upstream', `docker.io=${proxy.url}`, '--tag-ttl', '0']
    gateway = await Gateway.start(teardown, { sources: ['embedded'], flags })
    repository = `${gateway.url}/v2/team/had`
    expect(await downloadImage(repository, layout, '1')).toEqual([])
  }, 60_000)
  afterEach(() => {
    proxy.fault = () => undefined
  })
  afterAll(() => teardown.run(), 60_000)

  test('429 and when to come back, for what is not here', async () => {
    proxy.fault = () => LIMITED
    const got = await download(`${gateway.url}/v2/team/new/manifests/1`)
    expect({ status: got.status, text: got.text }).toEqual({
      status: 429,
      text: expect.stringContaining('"TOOMANYREQUESTS"'),
    })
    expect(Number(got.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    expect(Number(got.headers['retry-after'])).toBeLessThanOrEqual(7)
  })

  test('what is here is given, and said to be stale', async () => {
    proxy.fault = () => LIMITED
    proxy.reset()
    for (let times = 0; times < 20; times += 1) {
      const got = await download(`${repository}/manifests/1`)
      expect({ ...got, right: brought(got, digest) }).toEqual({ ...got, right: true })
      expect(got.headers.warning).toMatch(/^1\d\d|^299 /)
    }
    expect(proxy.requests.length).toBeLessThan(20)
    expect(await downloadImage(repository, layout, '1')).toEqual([])
  })

  test('a gateway that starts while it is gone gives what it has', async () => {
    await gateway.down()
    await registry.down()
    try {
      await gateway.up()
      expect(await downloadImage(repository, layout, '1')).toEqual([])
      const got = await download(`${gateway.url}/v2/team/new/manifests/1`)
      expect([502, 503, 504]).toContain(got.status)
      expect(Number(got.headers['retry-after'])).toBeGreaterThanOrEqual(1)
    } finally {
      await registry.up()
    }
  }, 60_000)
})
