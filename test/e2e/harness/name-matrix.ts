import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import type { RootReport } from '../../../src/cli/root-reports.ts'
import { until } from './child.ts'
import { CLIENTS, buildah, digestsToHave } from './clients.ts'
import type { PullBy } from './clients.ts'
import { brought, download } from './download.ts'
import type { Gateway } from './gateway-process.ts'
import { descriptorOf, makeImage } from './images.ts'
import { PUSHERS, skopeo } from './pushers.ts'
import type { PushBy } from './pushers.ts'
import { tempFolder } from './temp.ts'
import { Teardown } from './teardown.ts'
import { describeWith } from './tools.ts'

/** A gateway that takes pushes, and others that have nothing but what is behind it to ask. */
export interface NamedPushes {
  readonly gateway: Gateway
  /** Settings by which the commands of the gateway find its roots. */
  readonly settings: readonly string[]
  /** Resolves the name of the root and pulls. */
  readonly elsewhere: Gateway
  /** Start one that follows the root of this name. */
  follow(name: string): Promise<Gateway>
  /** End the gateway, with all that it and its store can give. */
  takeAway(): Promise<void>
}

/** Flags of gateways for which a name may move at any time. */
export const SOON = ['--upstream', 'none', '--ipns-ttl-min', '1s', '--ipns-ttl-max', '1s']
/** Flags of the gateway that is pushed to. */
export const PUSHING = ['--push', '--upstream', 'none', '--ipns-ttl', '1s']

const ALL = [...CLIENTS, buildah]
const PROGRAMS = [...new Set([...PUSHERS, ...ALL].flatMap(({ programs }) => programs)), 'umoci']
const LAYER = 1_300_000
const REPOSITORY = 'team/app'

/** What was pushed is pulled by the name of its root: by every client, after each push, and when its origin is gone. */
export function describeNameMatrix(
  title: string,
  programs: readonly string[],
  start: (teardown: Teardown) => Promise<NamedPushes>,
): void {
  describeWith([...PROGRAMS, ...programs], title, () => {
    const teardown = new Teardown()
    let pushes: NamedPushes
    let layout: string
    let push: PushBy
    let pulls: readonly (readonly [client: (typeof ALL)[number], pull: PullBy])[]
    /** Of the home root: `ipns/k51…`. */
    let root: string

    beforeAll(async () => {
      layout = join(await tempFolder(teardown, 'layouts'), 'app')
      for (const tag of ['one', 'two', 'three']) await makeImage(layout, tag, { layers: [LAYER], seed: tag })
      const starting = ALL.map(async (client) => [client, await client.start(teardown)] as const)
      ;[pushes, push, pulls] = await Promise.all([
        start(teardown),
        skopeo.start(teardown),
        Promise.all(starting),
      ])
      await push({ layout, tag: 'one', reference: `${pushes.gateway.host}/${REPOSITORY}:now` })
      root = await nameOf(pushes)
    }, 180_000)
    afterAll(() => teardown.run(), 60_000)

    /** Wait until a gateway gives the image of a tag of the layout. */
    async function gives({ url, process }: Gateway, repository: string, tag: string): Promise<void> {
      const { digest } = await descriptorOf(layout, tag)
      const manifest = `${url}/v2/${repository}/manifests/now`
      await until(`${repository} to be ${tag}`, async () => brought(await download(manifest), digest), {
        process,
        timeout: 60_000,
      })
    }

    /** Every client pulls, and has the image of a tag of the layout. */
    async function expectPulled(reference: string, tag: string): Promise<void> {
      const image = await descriptorOf(layout, tag)
      for (const [{ name, keepsIndex }, pull] of pulls) {
        const pulled = await pull({ reference, everyPlatform: true })
        const wanted = await digestsToHave(keepsIndex, layout, image)
        expect({ name, digests: pulled.digests }).toEqual({ name, digests: expect.arrayContaining(wanted) })
        expect({ name, digest: pulled.digest ?? image.digest }).toEqual({ name, digest: image.digest })
      }
    }

    test('by every client', async () => {
      await gives(pushes.elsewhere, `${root}/${REPOSITORY}`, 'one')
      await expectPulled(`${pushes.elsewhere.host}/${root}/${REPOSITORY}:now`, 'one')
    }, 120_000)

    test('by every client after another push, which is by the name too', async () => {
      const { gateway, elsewhere } = pushes
      await push({ layout, tag: 'two', reference: `${gateway.host}/${root}/${REPOSITORY}:now` })
      await gives(gateway, REPOSITORY, 'two')
      await gives(elsewhere, `${root}/${REPOSITORY}`, 'two')
      await expectPulled(`${elsewhere.host}/${root}/${REPOSITORY}:now`, 'two')
    }, 120_000)

    describe.each(PUSHERS.map((pusher) => [pusher.name, pusher] as const))('%s', (name, pusher) => {
      test('pushes by the name of the root', async () => {
        const own = new Teardown()
        try {
          const { gateway, elsewhere } = pushes
          const by = await pusher.start(own)
          const repository = `by/${name}`
          const digest = await by({
            layout,
            tag: 'two',
            reference: `${gateway.host}/${root}/${repository}:2`,
          })
          const expected = digest ?? (await descriptorOf(layout, 'two')).digest
          const byItsName = await download(`${gateway.url}/v2/${repository}/manifests/2`)
          expect(byItsName).toMatchObject({ status: 200, digest: expected })
          const url = `${elsewhere.url}/v2/${root}/${repository}/manifests/2`
          await until('the push elsewhere', async () => brought(await download(url), expected))
        } finally {
          await own.run()
        }
      }, 90_000)
    })

    test('by every client from where it is followed, when all that it came from is gone', async () => {
      const following = await pushes.follow(root)
      await gives(following, REPOSITORY, 'two')
      await push({ layout, tag: 'three', reference: `${pushes.gateway.host}/${REPOSITORY}:now` })
      const newest = (await reportOf(pushes)).versions[0]?.cid ?? ''
      await until('all of it', () => following.process.output().includes(`is kept as /ipfs/${newest}`), {
        process: following.process,
        timeout: 60_000,
      })
      await pushes.takeAway()
      await following.down()
      await following.up()
      await expectPulled(`${following.host}/${REPOSITORY}:now`, 'three')
      await expectPulled(`${following.host}/${root}/${REPOSITORY}:now`, 'three')
    }, 240_000)
  })
}

/** What the gateway knows of its home root. */
async function reportOf({ gateway, settings }: NamedPushes): Promise<RootReport> {
  const roots = JSON.parse(await gateway.command(['roots', '--json', ...settings])) as RootReport[]
  const home = roots.find(({ root }) => root === 'home')
  if (home === undefined) throw new Error('no home root')
  return home
}

/** `ipns/k51…`, once the root is published. */
async function nameOf(pushes: NamedPushes): Promise<string> {
  let key: string | undefined
  await until('the name of the root', async () => {
    const { name } = await reportOf(pushes)
    key = name?.published === undefined ? undefined : name.key
    return key !== undefined
  })
  return `ipns/${key}`
}
