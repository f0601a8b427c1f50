import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Collected, ImportedRoot, RootReport } from '../../src/cli/root-reports.ts'
import { run } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { makeImage } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { skopeo, type PushBy } from './harness/pushers.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

const MiB = 1024 * 1024
const PUSHING = ['--push', '--delete', '--upstream', 'none']

/** What of the settings of a gateway its commands have to know. */
interface Place {
  readonly gateway: Gateway
  readonly settings: readonly string[]
}

async function ask<T>({ gateway, settings }: Place, ...argv: string[]): Promise<T> {
  return JSON.parse(await gateway.command([...argv, '--json', ...settings])) as T
}

async function home(place: Place): Promise<RootReport> {
  const found = (await ask<RootReport[]>(place, 'roots')).find(({ root }) => root === 'home')
  if (found === undefined) throw new Error('no root home')
  return found
}

/** Of the manifest that a tag names in a layout. */
async function digestIn(layout: string, tag: string): Promise<string> {
  const index = JSON.parse(await readFile(join(layout, 'index.json'), 'utf8')) as {
    manifests: { digest: string; annotations?: Record<string, string> }[]
  }
  const found = index.manifests.find(
    ({ annotations }) => annotations?.['org.opencontainers.image.ref.name'] === tag,
  )
  if (found === undefined) throw new Error(`no ${tag} in ${layout}`)
  return found.digest
}

describeWith(['skopeo', 'umoci'], 'the commands about roots', () => {
  const teardown = new Teardown()
  let layout: string
  let published: string
  let push: PushBy

  beforeAll(async () => {
    const folder = await tempFolder(teardown, 'images')
    layout = join(folder, 'pushed')
    for (const tag of ['one', 'two']) await makeImage(layout, tag, { layers: [2 * MiB], seed: tag })
    published = join(folder, 'published')
    await makeImage(published, 'other', { layers: [3 * MiB], seed: 'other' })
    push = await skopeo.start(teardown)
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  async function pull(host: string, tag: string): Promise<void> {
    const copy = await tempFolder(teardown, 'copy')
    const image = `docker://${host}/team/app:${tag}`
    await run('skopeo', ['copy', '--quiet', '--src-tls-verify=false', image, `dir:${copy}`])
  }

  async function remove({ gateway }: Place, tag: string): Promise<void> {
    const url = `${gateway.url}/v2/team/app/manifests/${await digestIn(layout, tag)}`
    expect((await fetch(url, { method: 'DELETE' })).status).toBe(202)
  }

  const pushTag = (host: string, tag: string): Promise<unknown> =>
    push({ layout, tag, reference: `${host}/team/app:${tag}` })

  describe.each(['while the gateway runs', 'while no gateway runs'])('%s', (when) => {
    test('what is deleted and unpublished is freed, and all else can still be pulled', async () => {
      const history = ['--root-history', '1']
      const gateway = await Gateway.start(teardown, {
        sources: ['embedded'],
        flags: [...PUSHING, ...history],
      })
      const place = {
        gateway,
        settings: ['--store', gateway.store, '--source', 'embedded', ...history],
      }
      for (const tag of ['one', 'two']) await pushTag(gateway.host, tag)
      const { root } = await gateway.publish(published)
      await remove(place, 'one')
      if (when === 'while no gateway runs') await gateway.down()

      const before = await home(place)
      expect(before.versions).toHaveLength(1)
      expect(before.bytes).toBeGreaterThan(2 * MiB)
      expect(await gateway.command(['roots', ...place.settings])).toContain(
        `/ipfs/${before.versions[0]?.cid}`,
      )
      const dry = await ask<Collected>(place, 'gc', '--dry-run')
      // The blobs of the deleted manifest are still in the folder of the repository.
      expect(await ask<Collected>(place, 'gc')).toEqual({ ...dry, dryRun: false })
      expect(await ask(place, 'unpublish', root)).toEqual({ cid: root })
      const freed = await ask<Collected>(place, 'gc')
      expect(freed.embedded?.blobBytes).toBeGreaterThan(3 * MiB)
      expect(await home(place)).toMatchObject({ versions: before.versions, bytes: before.bytes })

      if (when === 'while no gateway runs') await gateway.up()
      await pull(gateway.host, 'two')
      await expect(pull(gateway.host, 'one')).rejects.toThrow()
      expect((await fetch(`${gateway.url}/v2/ipfs/${root}/manifests/other`)).status).not.toBe(200)
      await gateway.down()
    }, 120_000)
  })

  describeWith(['ipfs'], 'with a Kubo', () => {
    test('its roots are shown, what is outdated is let go of, and nothing of its own is touched', async () => {
      const kubo = await KuboNode.start(teardown)
      const source = `kubo=${kubo.api}`
      const gateway = await Gateway.start(teardown, { sources: [source], flags: PUSHING })
      const place = { gateway, settings: ['--store', gateway.store, '--source', source] }
      const listPins = async (): Promise<string> =>
        (await kubo.ipfs(['pin', 'ls', '--type=recursive'])).trim().split('\n').sort().join('\n')
      const pins = await listPins()
      for (const tag of ['one', 'two']) await pushTag(gateway.host, tag)
      const running = await home(place)
      expect(running.versions.length).toBeGreaterThan(1)
      expect(running.bytes).toBeGreaterThan(4 * MiB)
      const refused = await gateway.attempt(['unpublish', running.versions[0]?.cid ?? '', ...place.settings])
      expect(refused.code).not.toBe(0)
      expect(refused.stderr).toContain('ipfs pin rm')
      await gateway.down()
      const { versions, bytes, name } = await home(place)
      expect({ versions, bytes }).toEqual({ versions: running.versions, bytes: running.bytes })
      expect(name?.key).toBe(running.name?.key)

      const short = ['--root-history', '1']
      const dry = await ask<Collected>(place, 'gc', '--dry-run', ...short)
      expect(dry.kubo?.paths).toHaveLength(versions.length - 1)
      expect((await home(place)).versions).toEqual(versions)
      expect(await ask<Collected>(place, 'gc', ...short)).toEqual({ ...dry, dryRun: false })
      expect((await home(place)).versions).toEqual(versions.slice(0, 1))
      expect(await listPins()).toBe(pins)
      const cid = versions[0]?.cid ?? ''
      const more = ['--root', 'team']
      expect(await ask<ImportedRoot>(place, 'roots', 'import', `/ipfs/${cid}`, ...more)).toMatchObject({
        root: 'team',
        cid,
      })
      const again = await gateway.attempt(['roots', 'import', `/ipfs/${cid}`, ...more, ...place.settings])
      expect(again.stderr).toContain('the root team has versions already')
      expect(await listPins()).toBe(pins)
      await kubo.ipfs(['repo', 'gc'])
      const team = (await ask<RootReport[]>(place, 'roots')).find(({ root }) => root === 'team')
      expect(team).toMatchObject({ versions: [{ number: 1, cid }], bytes })
      await gateway.up()
      for (const tag of ['one', 'two']) await pull(gateway.host, tag)
      await gateway.down()
    }, 120_000)
  })
})
