import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { blobFile, descriptorOf, makeImage, manifestOf } from './harness/images.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const TAGS = Array.from({ length: 23 }, (_, i) => `v${i}`)
const KINDS = ['registry', 'docker-registry', 'another gateway'] as const

describeWith(
  ['registry', 'docker-registry', 'umoci', 'skopeo', 'crane', 'regctl', 'oras'],
  'what is found in a repository of an upstream',
  () => {
    const teardown = new Teardown()
    const gateways = new Map<string, Gateway>()
    let folder: string
    let layout: string
    let digest: string
    beforeAll(async () => {
      folder = await tempFolder(teardown)
      layout = join(folder, 'app')
      await makeImage(layout, 'v0', { layers: [20_000], seed: 'discovery' })
      digest = (await descriptorOf(layout, 'v0')).digest
      await writeFile(join(folder, 'note.txt'), 'seen by e2e')
      for (const program of ['registry', 'docker-registry'] as const) {
        const registry = await Registry.start(teardown, { program })
        await registry.push(layout, 'v0', 'team/app')
        await tagAs(registry, TAGS.slice(1))
        for (const type of ['text/note', 'text/other']) {
          await registry.attach('team/app', 'v0', type, join(folder, 'note.txt'))
        }
        gateways.set(program, await start(registry.url))
      }
      // It has the referrers API, which the registries lack.
      gateways.set('another gateway', await start(gatewayOf('registry').url))
    }, 90_000)
    afterAll(() => teardown.run(), 60_000)

    async function start(url: string): Promise<Gateway> {
      const flags = ['--upstream', `docker.io=${url}`]
      return Gateway.start(teardown, { sources: ['embedded'], flags })
    }

    function gatewayOf(kind: string): Gateway {
      return gateways.get(kind) as Gateway
    }

    async function tagAs(registry: Registry, tags: readonly string[]): Promise<void> {
      const manifest = await manifestOf(layout, digest)
      const headers = { 'content-type': manifest.mediaType ?? 'application/vnd.oci.image.manifest.v1+json' }
      const body = await readFile(blobFile(layout, digest))
      for (const tag of tags) {
        const url = `${registry.url}/v2/team/app/manifests/${tag}`
        const answer = await fetch(url, { method: 'PUT', headers, body })
        expect(answer.status).toBe(201)
      }
    }

    describe.each(KINDS)('%s', (kind) => {
      test('all tags, at once and by pages', async () => {
        const gateway = gatewayOf(kind)
        const listed = (await run('crane', ['ls', `${gateway.host}/team/app`])).trim().split('\n')
        expect(listed).toEqual(expect.arrayContaining(TAGS))
        const paged: string[] = []
        let next: string | undefined = '/v2/team/app/tags/list?n=5'
        for (let pages = 0; next !== undefined && pages < 20; pages += 1) {
          const answer: Response = await fetch(new URL(next, gateway.url))
          const { tags } = (await answer.json()) as { tags: string[] }
          expect(tags.length).toBeLessThanOrEqual(5)
          paged.push(...tags)
          next = /<([^>]+)>; *rel="?next/.exec(answer.headers.get('link') ?? '')?.[1]
        }
        expect(paged).toEqual([...new Set(paged)])
        expect(paged.sort()).toEqual(listed.sort())
      })

      test('what is attached to an image, and one kind of it', async () => {
        const image = `${gatewayOf(kind).host}/team/app@${digest}`
        const found = await run('oras', ['discover', '--plain-http', '--format', 'json', image])
        expect(found).toContain('text/note')
        expect(found).toContain('text/other')
        const filtered = await run('oras', [
          ...['discover', '--plain-http', '--format', 'json', '--artifact-type', 'text/note'],
          image,
        ])
        expect(filtered).toContain('text/note')
        expect(filtered).not.toContain('text/other')
      })

      test('an artifact that is attached, whole', async () => {
        const { host } = gatewayOf(kind)
        const registry = ['--host', `reg=${host},tls=disabled`]
        const get = ['artifact', 'get', '--subject', `${host}/team/app@${digest}`]
        const note = await run('regctl', [...registry, ...get, '--filter-artifact-type', 'text/note'])
        expect(note).toBe('seen by e2e')
      })

      test('HEAD says what GET does', async () => {
        const url = `${gatewayOf(kind).url}/v2/team/app/manifests/v0`
        const [head, get] = await Promise.all([fetch(url, { method: 'HEAD' }), fetch(url)])
        const told = ({ status, headers }: Response): unknown[] => [
          status,
          ...['content-type', 'content-length', 'docker-content-digest', 'etag'].map((name) =>
            headers.get(name),
          ),
        ]
        expect(told(head)).toEqual(told(get))
        expect(head.headers.get('docker-content-digest')).toBe(digest)
        expect((await get.arrayBuffer()).byteLength).toBe(Number(head.headers.get('content-length')))
      })
    })
  },
)
