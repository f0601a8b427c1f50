import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { run, until } from './harness/child.ts'
import { brought, download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, objectsOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { PREDECESSOR, startPredecessor } from './harness/predecessor.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

/** Mutable names are resolved as soon as they may have moved. */
const SOON = ['--ipns-ttl-min', '1s', '--ipns-ttl-max', '2s', '--upstream', 'none']

describeWith(['ipfs', 'umoci', 'skopeo', 'oras', PREDECESSOR], 'a registry that the predecessor made', () => {
  const teardown = new Teardown()
  /** The predecessor's node, and one that is connected to it. */
  let theirs: KuboNode
  let ours: KuboNode
  let predecessor: Awaited<ReturnType<typeof startPredecessor>>
  let layout: string
  let image: Awaited<ReturnType<typeof descriptorOf>>

  beforeAll(async () => {
    layout = join(await tempFolder(teardown), 'layout')
    await makeImage(layout, 'v1', { layers: [1_200_000, 300], seed: 'of the predecessor' })
    await makeImage(layout, 'v2', { layers: [2_400_000], seed: 'a later one' })
    image = await descriptorOf(layout, 'v1')
    // Nodes keep records for five minutes where they don't say how long they are good.
    const configure = (config: Record<string, unknown>): void => {
      config['Ipns'] = { ...(config['Ipns'] as object), MaxCacheTTL: '1s' }
    }
    theirs = await KuboNode.start(teardown, { online: true, configure })
    ours = await KuboNode.start(teardown, { online: true, configure })
    await ours.ipfs(['swarm', 'connect', theirs.address])
    predecessor = await startPredecessor(teardown, theirs)
    await push('v1')
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  async function push(tag: string): Promise<void> {
    const to = `docker://${predecessor.host}/team/app:${tag}`
    await run('skopeo', ['copy', '--quiet', '--dest-tls-verify=false', `oci:${layout}:${tag}`, to])
  }

  /** Everything of the image, as skopeo pulls it. */
  async function pull(reference: string): Promise<void> {
    const to = join(await tempFolder(teardown, 'pulled'), 'layout')
    const from = `docker://${reference}`
    await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', from, `oci:${to}:got`])
    const got = await descriptorOf(to, 'got')
    expect(got.digest).toBe(image.digest)
    for (const { digest } of await objectsOf(layout, image.digest, image.size)) {
      const [mine, pulled] = await Promise.all(
        [layout, to].map((at) => readFile(join(at, 'blobs', ...digest.split(':')))),
      )
      expect(pulled?.equals(mine ?? new Uint8Array())).toBe(true)
    }
  }

  /** What the name leads to, once everything that was pushed is there: it is published behind the push. */
  async function rootWith(tag: string): Promise<string> {
    let root = ''
    const link = `docker/registry/v2/repositories/team/app/_manifests/tags/${tag}/current/link`
    const isThere = async (): Promise<boolean> => {
      root = (await ours.ipfs(['name', 'resolve', '--nocache', `/ipns/${predecessor.name}`])).trim()
      return ours.ipfs(['cat', `${root}/${link}`]).then(
        () => true,
        () => false,
      )
    }
    await until('the published root', () => isThere().catch(() => false), { timeout: 60_000 })
    return root.slice('/ipfs/'.length)
  }

  test.each([
    ['our own node', 'kubo', 'api'],
    ["its node's gateway", 'gateway', 'gateway'],
  ] as const)(
    'is pulled from through %s: as a read-only root, by its name, and by its CID',
    async (_, kind, endpoint) => {
      const root = await rootWith('v1')
      const cid = (await ours.ipfs(['cid', 'base32', root])).trim()
      const node = kind === 'kubo' ? ours : theirs
      const gateway = await Gateway.start(teardown, {
        sources: [`${kind}=${node[endpoint]}`],
        flags: [...SOON, '--read-only-root', predecessor.name],
      })
      await pull(`${gateway.host}/team/app:v1`)
      await pull(`${gateway.host}/ipns/${predecessor.name}/team/app:v1`)
      await pull(`${gateway.host}/ipfs/${cid}/team/app:v1`)
      await pull(`${gateway.host}/team/app@${image.digest}`)
      const list = await download(`${gateway.url}/v2/team/app/tags/list`)
      expect((JSON.parse(list.text) as { tags: string[] }).tags).toContain('v1')
      expect((await download(`${gateway.url}/v2/team/app/manifests/v9`)).status).toBe(404)
      expect((await download(`${gateway.url}/v2/team/other/manifests/v1`)).status).toBe(404)
      await gateway.down()
    },
    180_000,
  )

  test('is followed as it is pushed to, with what is attached to an image', async () => {
    const gateway = await Gateway.start(teardown, {
      sources: [`kubo=${ours.api}`],
      flags: [...SOON, '--read-only-root', `/ipns/${predecessor.name}`],
    })
    await push('v2')
    const file = join(await tempFolder(teardown), 'note.txt')
    await writeFile(file, 'looked at')
    await run('oras', [
      ...['attach', '--plain-http', '--disable-path-validation', '--artifact-type', 'application/note'],
      ...[`${predecessor.host}/team/app:v1`, `${file}:text/plain`],
    ])
    const { digest } = await descriptorOf(layout, 'v2')
    const arrived = async (): Promise<boolean> =>
      brought(await download(`${gateway.url}/v2/team/app/manifests/v2`), digest)
    await until('the later image', arrived, { timeout: 90_000 })
    const attached = async (): Promise<boolean> => {
      const { text } = await download(`${gateway.url}/v2/team/app/referrers/${image.digest}`)
      return text.includes('application/note')
    }
    await until('the attached note', attached, { timeout: 90_000 })
    await gateway.down()
  }, 240_000)

  test('that is followed is here to stay: in our node, and in the embedded store', async () => {
    const followed = ['--read-only-root', `/ipns/${predecessor.name};follow=true`]
    const inNode = await Gateway.start(teardown, {
      sources: [`kubo=${ours.api}`],
      flags: [...SOON, ...followed],
    })
    const inStore = await Gateway.start(teardown, {
      sources: ['embedded', `kubo=${theirs.api}`],
      flags: [...SOON, ...followed, '--push-to', 'embedded'],
    })
    for (const gateway of [inNode, inStore]) {
      const isKept = (): boolean => gateway.process.output().includes('is kept as')
      await until('all of it', isKept, { process: gateway.process, timeout: 90_000 })
    }
    await theirs.down()
    const collected = await ours.ipfs(['repo', 'gc', '-q'])
    expect(typeof collected).toBe('string')
    await pull(`${inNode.host}/team/app:v1`)
    await ours.down()
    await inStore.down()
    await inStore.up()
    await pull(`${inStore.host}/team/app:v1`)
    expect((await download(`${inStore.url}/v2/team/other/manifests/v1`)).status).toBe(404)
  }, 240_000)
})
