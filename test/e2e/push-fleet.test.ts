import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { inTurn, startNginx } from './harness/nginx.ts'
import { crane, oras, regctl, skopeo, type PushBy } from './harness/pushers.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

const REPOSITORIES = 5

const PUSHES_EACH = 25
/** Each twice. */
const PROGRAMS = [skopeo, crane, regctl, oras]

describeWith(
  ['ipfs', 'nginx', 'umoci', 'skopeo', 'crane', 'regctl', 'oras'],
  'two gateways over one Kubo',
  () => {
    const teardown = new Teardown()
    let kubo: KuboNode
    let gateways: Gateway[]
    let host: string
    let layouts: string
    /** Of a new repo: Kubo's own. */
    let pinned: string
    const pins = async (): Promise<string> =>
      (await kubo.ipfs(['pin', 'ls', '--type=recursive'])).trim().split('\n').sort().join('\n')

    beforeAll(async () => {
      kubo = await KuboNode.start(teardown)
      pinned = await pins()
      const flags = ['--push', '--upstream', 'none', '--no-publish-names']
      gateways = await Promise.all(
        [1, 2].map(() => Gateway.start(teardown, { sources: [`kubo=${kubo.api}`], flags })),
      )
      // The requests of one push go to both, in turn.
      host = await startNginx(
        teardown,
        gateways.map((gateway) => gateway.host),
        inTurn,
      )
      layouts = await tempFolder(teardown, 'layouts')
      await Promise.all(
        Array.from({ length: PUSHES_EACH }, (_, at) =>
          makeImage(join(layouts, `image-${at}`), 'one', {
            layers: [30_000, 400_000],
            seed: `fleet ${at % 9}/${at}`,
          }),
        ),
      )
    }, 180_000)
    afterAll(() => teardown.run(), 60_000)

    test('of 200 pushes by 8 clients at once nothing is lost', async () => {
      const clients = await Promise.all([...PROGRAMS, ...PROGRAMS].map((program) => program.start(teardown)))
      const expected = new Map<string, string>()
      const pushAll = async (push: PushBy, client: number): Promise<void> => {
        for (let at = 0; at < PUSHES_EACH; at += 1) {
          const layout = join(layouts, `image-${at}`)
          const name = `fleet/app-${(client + at) % REPOSITORIES}:c${client}-${at}`
          await push({ layout, tag: 'one', reference: `${host}/${name}` })
          expected.set(name, (await descriptorOf(layout, 'one')).digest)
        }
      }
      await Promise.all(clients.map(pushAll))
      expect(expected.size).toBe(PROGRAMS.length * 2 * PUSHES_EACH)

      for (const gateway of gateways) {
        const found = new Map<string, string | null>()
        for (const name of expected.keys()) {
          const [repository, tag] = name.split(':')
          const answer = await fetch(`${gateway.url}/v2/${repository}/manifests/${tag}`, { method: 'HEAD' })
          found.set(name, answer.headers.get('docker-content-digest'))
        }
        expect(found).toEqual(expected)
      }
      for (let at = 0; at < REPOSITORIES; at += 1) {
        const answer = await fetch(`http://${host}/v2/fleet/app-${at}/tags/list`)
        const { tags } = (await answer.json()) as { tags: string[] }
        const pushed = [...expected.keys()].filter((name) => name.startsWith(`fleet/app-${at}:`))
        expect(tags).toEqual(pushed.map((name) => name.slice(name.indexOf(':') + 1)).sort())
      }
    }, 600_000)

    test('garbage collection of the node takes nothing of it, and nothing is left pinned', async () => {
      await kubo.ipfs(['repo', 'gc'])
      expect(await pins()).toBe(pinned)
      const folder = await tempFolder(teardown, 'pulled')
      for (let at = 0; at < REPOSITORIES; at += 1) {
        const answer = await fetch(`http://${host}/v2/fleet/app-${at}/tags/list`)
        const { tags } = (await answer.json()) as { tags: string[] }
        for (const tag of tags.slice(0, 5)) {
          const image = `docker://${host}/fleet/app-${at}:${tag}`
          await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', image, `oci:${folder}:${tag}`])
        }
      }
    }, 180_000)

    test('the root is what `ipfs add` makes of it on disk, and what others read there', async () => {
      const roots = await kubo.ipfs(['files', 'ls', '--long', '/ipfs-registry/roots/home'])
      const newest = roots.trim().split('\n').sort().at(-1) ?? ''
      const root = /\b(bafy\w+)/.exec(newest)?.[1] ?? ''
      const folder = join(await tempFolder(teardown, 'exported'), 'root')
      await kubo.ipfs(['get', '--output', folder, `/ipfs/${root}`])
      const other = await KuboNode.repo(teardown)
      const added = await other.ipfs(['add', '--recursive', '--quieter', folder])
      expect(added.trim()).toBe(root)

      const [tag = ''] = (await run('regctl', ['tag', 'ls', `ocidir://${folder}/fleet/app-0`]))
        .trim()
        .split('\n')
      expect(tag).toMatch(/^c\d-/)
      const inspected = await run('skopeo', ['inspect', '--raw', `oci:${folder}/fleet/app-0:${tag}`])
      expect(JSON.parse(inspected)).toHaveProperty('layers')
      const fetched = await run('oras', ['manifest', 'fetch', '--oci-layout', `${folder}/fleet/app-0:${tag}`])
      expect(JSON.parse(fetched)).toEqual(JSON.parse(inspected))
    }, 120_000)
  },
)
