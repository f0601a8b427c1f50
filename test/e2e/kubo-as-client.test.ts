import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'
import { makeCertificate } from '../fixtures/certificate.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { writeFiles } from '../fixtures/folders.ts'
import { run } from './harness/child.ts'
import { DelegatedRouting } from './harness/delegated-routing.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { startNginx, withTls } from './harness/nginx.ts'
import { freePort } from './harness/ports.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

/** More blobs than a folder holds in one block by the profile unixfs-v1-2025. */
const MANY = 2_700
/** Bytes of a layer of several blocks. */
const LAYER = 3_300_000

describeWith(['ipfs', 'umoci', 'nginx'], 'Kubo reads what a gateway holds', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  /** Two layouts, as they were published. */
  let folder: string
  let root: string
  /** Has the same by `ipfs add`: what CIDs and sizes have to be. */
  let added: KuboNode
  let layer: string

  beforeAll(async () => {
    folder = await tempFolder(teardown)
    const app = join(folder, 'team/app')
    await makeImage(app, 'v1', { layers: [LAYER, 20_000], seed: 'kubo-as-client' })
    layer = (await manifestOf(app, (await descriptorOf(app, 'v1')).digest)).layers?.[0]?.digest ?? ''
    const many = new LayoutBuilder()
    many.list(many.image({ layers: Array.from({ length: MANY }, (_, i) => `layer ${i}`) }), { ref: 'v1' })
    await writeFiles(join(folder, 'many'), many.files())

    gateway = await Gateway.start(teardown, { sources: ['embedded'] })
    root = (await gateway.publish(folder)).root
    added = await KuboNode.repo(teardown)
    expect(await added.add(folder)).toBe(root)
    const links = await added.ipfs(['refs', '--offline', `/ipfs/${root}/many/blobs/sha256`])
    expect(links.trim().split('\n').length).toBeLessThanOrEqual(256)
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  /** The body of the gateway's answer. */
  async function fetched(path: string): Promise<Readable> {
    const answer = await fetch(`${gateway.url}${path}`)
    expect(answer.status).toBe(200)
    return Readable.fromWeb(answer.body as ReadableStream)
  }

  async function resolved(kubo: KuboNode, path: string): Promise<string> {
    return (await kubo.ipfs(['resolve', '--offline', path])).trim().replace('/ipfs/', '')
  }

  /** What `ipfs` says about a path when it has all below it, which it gets from nowhere else. */
  async function seen(kubo: KuboNode, path: string): Promise<{ cid: string; size: string }> {
    const cid = await resolved(kubo, path)
    return { cid, size: await kubo.ipfs(['dag', 'stat', '--offline', '--progress=false', cid]) }
  }

  describe('by ipfs dag import', () => {
    test.each([
      ['a folder of layouts', () => ''],
      ['a layout below it', () => '/team/app'],
      ['a sharded folder', () => '/many/blobs/sha256'],
      ['a layer of several blocks', () => `/team/app/blobs/${layer.replace(':', '/')}`],
    ])(
      '%s',
      async (_, path) => {
        const fresh = await KuboNode.repo(teardown)
        const from = `/ipfs/${root}${path()}`
        await fresh.ipfs(['dag', 'import', '--offline'], await fetched(`${from}?format=car`))
        const expected = await seen(added, from)
        // By the path, which is in the answer too.
        expect(await seen(fresh, from)).toEqual(expected)
        // The answer's root is what was asked for, and it is pinned.
        const pins = await fresh.ipfs(['pin', 'ls', '--type=recursive', '--quiet'])
        expect(pins.split('\n')).toContain(expected.cid)
        const got = join(await tempFolder(teardown), 'got')
        await fresh.ipfs(['get', '--offline', '--output', got, from])
        await run('diff', ['--recursive', '--brief', join(folder, path()), got])
      },
      60_000,
    )
  })

  test('by ipfs block put, which gives every block its CID', async () => {
    const fresh = await KuboNode.repo(teardown)
    const from = `/ipfs/${root}/team/app`
    const top = await resolved(added, from)
    const below = (await added.ipfs(['refs', '--offline', '--recursive', '--unique', top])).trim().split('\n')
    // The layout, its folders and files, and the layer's blocks.
    expect(below.length).toBeGreaterThanOrEqual(12)
    const blocks = await tempFolder(teardown, 'blocks')
    for (const [codec, prefix] of Object.entries({ 'dag-pb': 'bafybei', raw: 'bafkrei' })) {
      const cids = [top, ...below].filter((cid) => cid.startsWith(prefix)).sort()
      for (const cid of cids) await writeFile(join(blocks, cid), await fetched(`/ipfs/${cid}?format=raw`))
      const files = cids.map((cid) => join(blocks, cid))
      const put = await fresh.ipfs(['block', 'put', '--offline', '--cid-codec', codec, ...files])
      expect(put.trim().split('\n')).toEqual(cids)
    }
    const file = `/ipfs/${top}/blobs/${layer.replace(':', '/')}`
    const got = join(await tempFolder(teardown), 'layer')
    await fresh.ipfs(['get', '--offline', '--output', got, file])
    await run('diff', ['--brief', join(folder, 'team/app/blobs', ...layer.split(':')), got])
  }, 60_000)

  describe('by itself, from a provider that delegated routing names', () => {
    /** A node that knows nobody but what `routing` says. */
    async function startedWith(routing: DelegatedRouting): Promise<KuboNode> {
      return KuboNode.start(teardown, {
        online: true,
        configure: (config) => {
          config['Routing'] = { Type: 'autoclient', DelegatedRouters: [routing.url] }
          config['HTTPRetrieval'] = { Enabled: true, TLSInsecureSkipVerify: true }
        },
      })
    }

    /** Has `kubo get` a layout from whoever is at an address, and nowhere else. */
    async function getFrom(address: string): Promise<void> {
      const routing = await DelegatedRouting.start(teardown, address)
      const kubo = await startedWith(routing)
      const cid = await resolved(added, `/ipfs/${root}/team/app`)
      const got = join(await tempFolder(teardown), 'got')
      await kubo.ipfs(['get', '--output', got, `/ipfs/${cid}`])
      await run('diff', ['--recursive', '--brief', join(folder, 'team/app'), got])
      expect(routing.asked).toContain(cid)
    }

    // Kubo takes plain HTTP from the loopback and from private networks (RFC 1918) only.
    test('over HTTP in a private network', async () => {
      const [host, port] = gateway.host.split(':')
      await getFrom(`/ip4/${host}/tcp/${port}/http`)
    }, 90_000)

    // Over TLS it insists on HTTP/2, which nginx speaks.
    test('over HTTPS, through nginx', async () => {
      const tls = await tempFolder(teardown, 'tls')
      const files = { cert: join(tls, 'tls.crt'), key: join(tls, 'tls.key') }
      const { cert, key } = makeCertificate('localhost')
      await Promise.all([writeFile(files.cert, cert), writeFile(files.key, key)])
      const port = await freePort()
      await startNginx(teardown, [gateway.host], withTls(files, port))
      await getFrom(`/dns4/localhost/tcp/${port}/tls/http`)
    }, 90_000)
  })
})
