import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { Docker } from './harness/docker.ts'
import { run } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { brought, download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, makeIndex, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { inTurn, startNginx } from './harness/nginx.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const PROGRAMS = ['nginx', 'ipfs', 'umoci', 'regctl', 'skopeo', 'dockerd', 'docker', 'containerd', 'runc']

describeWith(PROGRAMS, 'two gateways in turn behind nginx, one of them without a disk', () => {
  const teardown = new Teardown()
  let host: string
  let layout: string
  let root: string
  let proxies: readonly CountingProxy[]
  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'app')
    await makeImage(layout, 'amd64', { layers: [3_000_000, 50_000], seed: 'ingress' })
    await makeImage(layout, 'arm64', { layers: [30_000], seed: 'ingress/arm', architecture: 'arm64' })
    await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
    const kubo = await KuboNode.start(teardown)
    root = await kubo.add(layout)
    proxies = await Promise.all([1, 2].map(() => CountingProxy.start(teardown, kubo.gateway)))
    const gateways = await Promise.all(
      proxies.map((proxy, i) =>
        Gateway.start(teardown, {
          sources: [`gateway=${proxy.url}`],
          ...(i === 0 ? { store: 'memory' } : {}),
        }),
      ),
    )
    host = await startNginx(
      teardown,
      gateways.map((gateway) => gateway.host),
      inTurn,
    )
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test('skopeo copies every platform, from both', async () => {
    const to = await tempFolder(teardown, 'pulled')
    for (const tag of ['one', 'two']) {
      await run('skopeo', [
        ...['copy', '--all', '--quiet', '--src-tls-verify=false'],
        `docker://${host}/ipfs/${root}:many`,
        `oci:${to}:${tag}`,
      ])
    }
    expect((await descriptorOf(to, 'two')).digest).toBe((await descriptorOf(layout, 'many')).digest)
    expect(proxies.map((proxy) => proxy.bytes > 0)).toEqual([true, true])
  }, 60_000)

  test('docker pulls', async () => {
    const docker = await Docker.start(teardown)
    expect(await docker.docker(['pull', `${host}/ipfs/${root}:many`])).toContain('Downloaded newer image')
  }, 60_000)

  test('a range and a conditional request come through', async () => {
    const image = await manifestOf(layout, (await descriptorOf(layout, 'amd64')).digest)
    const layer = image.layers?.[0]
    if (layer === undefined) throw new Error('no layer')
    const url = `http://${host}/v2/ipfs/${root}/blobs/${layer.digest}`
    const whole = await download(url)
    expect(brought(whole, layer.digest)).toBe(true)
    const part = await download(url, { headers: { range: 'bytes=1000-1999' } })
    expect(part).toMatchObject({
      status: 206,
      bytes: 1000,
      headers: { 'content-range': `bytes 1000-1999/${layer.size}` },
    })
    const etag = whole.headers.etag ?? ''
    expect(await download(url, { headers: { 'if-none-match': etag } })).toMatchObject({ status: 304 })
  }, 60_000)
})
