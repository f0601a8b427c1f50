import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run, until } from './harness/child.ts'
import { DnsServer } from './harness/dns-server.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['ipfs', 'umoci', 'skopeo'], 'two Kubo nodes', () => {
  const teardown = new Teardown()
  /** Holds the content, and is not known to any gateway. */
  let holder: KuboNode
  let near: KuboNode
  let folder: string
  beforeAll(async () => {
    folder = await tempFolder(teardown)
    ;[holder, near] = await KuboNode.pair(teardown)
  }, 90_000)
  afterAll(() => teardown.run(), 60_000)

  async function layoutOf(seed: string, ...tags: string[]): Promise<{ layout: string; layer: string }> {
    const layout = join(folder, seed)
    for (const tag of tags) await makeImage(layout, tag, { layers: [1_200_000], seed: `${seed}/${tag}` })
    const { layers } = await manifestOf(layout, (await descriptorOf(layout, tags[0] as string)).digest)
    return { layout, layer: layers?.[0]?.digest ?? '' }
  }

  async function pull(reference: string): Promise<void> {
    const to = await tempFolder(teardown, 'pulled')
    await run('skopeo', [
      'copy',
      '--quiet',
      '--src-tls-verify=false',
      `docker://${reference}`,
      `oci:${to}:got`,
    ])
  }

  async function tags(gateway: Gateway, repository: string): Promise<string[]> {
    const got = await download(`${gateway.url}/v2/${repository}/tags/list`)
    return got.status === 200 ? (JSON.parse(got.text) as { tags: string[] }).tags : []
  }

  test.each([
    ['its RPC', 'kubo', 'api'],
    ['its gateway', 'gateway', 'gateway'],
  ] as const)(
    'an image that another node holds comes by bitswap through %s',
    async (_, kind, endpoint) => {
      const { layout } = await layoutOf(`bitswap-${kind}`, 'v1')
      const root = await holder.add(layout)
      const gateway = await Gateway.start(teardown, { sources: [`${kind}=${near[endpoint]}`] })
      await pull(`${gateway.host}/ipfs/${root}:v1`)
      await gateway.down()
    },
    90_000,
  )

  test.each([
    ['by Kubo', 'kubo', 'api'],
    ['by a record that a gateway gives', 'gateway', 'gateway'],
  ] as const)(
    'an IPNS name is resolved %s, and followed when it moves',
    async (_, kind, endpoint) => {
      const before = await layoutOf(`ipns-${kind}-before`, 'v1')
      const after = await layoutOf(`ipns-${kind}-after`, 'v2')
      await holder.ipfs(['key', 'gen', `images-${kind}`])
      const key = ['--key', `images-${kind}`, '--ttl', '1s']
      const name = await holder.publishName(await holder.add(before.layout), ...key)
      const gateway = await Gateway.start(teardown, {
        sources: [`${kind}=${near[endpoint]}`],
        flags: ['--ipns-ttl-min', '1s', '--ipns-ttl-max', '2s'],
      })
      await pull(`${gateway.host}/ipns/${name}:v1`)
      expect(await tags(gateway, `ipns/${name}`)).toContain('v1')

      await holder.publishName(await holder.add(after.layout), ...key)
      await until('the new root', async () => (await tags(gateway, `ipns/${name}`)).includes('v2'), {
        timeout: 45_000,
      })
      await pull(`${gateway.host}/ipns/${name}:v2`)
      // One pull sees one root: what a tag named before the move is still there by its digest.
      const digest = (await descriptorOf(before.layout, 'v1')).digest
      const got = await download(`${gateway.url}/v2/ipns/${name}/manifests/${digest}`)
      expect(brought(got, digest)).toBe(true)
      await gateway.down()
    },
    120_000,
  )

  test('a DNSLink name is followed, plain and inlined', async () => {
    const { layout } = await layoutOf('dnslink', 'v1')
    const dns = await DnsServer.start(teardown)
    dns.records.set('_dnslink.images.example.org', [`dnslink=/ipfs/${await holder.add(layout)}`])
    const gateway = await Gateway.start(teardown, {
      sources: [`kubo=${near.api}`],
      flags: ['--dns-server', dns.address],
    })
    await pull(`${gateway.host}/ipns/images.example.org:v1`)
    await pull(`${gateway.host}/ipns/images-example-org:v1`)
    await gateway.down()
  }, 90_000)

  test('content that nobody has is answered in time, and found once somebody has it', async () => {
    const { layout, layer } = await layoutOf('late', 'v1')
    // Known without being stored anywhere.
    const root = await holder.add(layout, '--only-hash')
    const gateway = await Gateway.start(teardown, { sources: [`kubo=${near.api}`] })
    const url = `${gateway.url}/v2/ipfs/${root}/blobs/${layer}`
    const asked = Date.now()
    const got = await download(url)
    expect(Date.now() - asked).toBeLessThan(26_000)
    expect([503, 504]).toContain(got.status)
    expect(got.headers['retry-after']).toMatch(/^\d+$/)
    expect(JSON.parse(got.text)).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] })

    expect(await holder.add(layout)).toBe(root)
    await downloadUntilRight(url, layer)
    await gateway.down()
  }, 120_000)

  test('a node that is down is answered for with 503, and used again when it is back', async () => {
    const { layout, layer } = await layoutOf('outage', 'v1')
    const kubo = await KuboNode.start(teardown)
    const root = await kubo.add(layout)
    const gateway = await Gateway.start(teardown, { sources: [`kubo=${kubo.api}`] })
    const url = `${gateway.url}/v2/ipfs/${root}/blobs/${layer}`
    await kubo.down()
    const asked = Date.now()
    const got = await download(url)
    expect(Date.now() - asked).toBeLessThan(26_000)
    expect(got.status).toBe(503)
    expect(got.headers['retry-after']).toMatch(/^\d+$/)
    expect(JSON.parse(got.text)).toMatchObject({ errors: [{ code: 'UNAVAILABLE' }] })

    await kubo.up()
    await downloadUntilRight(url, layer)
    // From now on the node is not needed for it.
    await kubo.down()
    await delay(50)
    expect(brought(await download(url), layer)).toBe(true)
    await gateway.down()
  }, 120_000)
})
