import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { CLIENTS, digestsToHave } from './clients.ts'
import type { Pull, Pulled } from './clients.ts'
import type { CountingProxy } from './counting-proxy.ts'
import type { Gateway } from './gateway-process.ts'
import { descriptorOf, makeImage, makeIndex } from './images.ts'
import type { Descriptor } from './images.ts'
import { tempFolder } from './temp.ts'
import { Teardown } from './teardown.ts'
import { describeWith } from './tools.ts'

/** What is under test: a gateway whose source has the layouts of a folder. */
export interface Offer {
  readonly gateway: Gateway
  /** CID of the folder. */
  readonly root: string
  /** Between the gateway and its source, where there is something between. */
  readonly proxy?: CountingProxy
}

const LAYER = 1_300_000

/**
 * Every client × { tag, digest, multi-platform index } × { cold, warm }. Each client has images of its own, so that
 * its first pull is a cold one.
 */
export function describeMatrix(
  source: string,
  programs: readonly string[],
  offer: (teardown: Teardown, layouts: string) => Promise<Offer>,
): void {
  describeWith([...programs, 'umoci', 'regctl'], `images from ${source}`, () => {
    const teardown = new Teardown()
    let offered: Offer
    let layouts: string
    beforeAll(async () => {
      layouts = await tempFolder(teardown)
      await Promise.all(CLIENTS.map((client) => makeLayout(join(layouts, client.name, 'app'), client.name)))
      offered = await offer(teardown, layouts)
    }, 120_000)
    afterAll(() => teardown.run(), 60_000)

    describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (name, client) => {
      const own = new Teardown()
      let pull: (pull: Pull) => Promise<Pulled>
      beforeAll(async () => {
        pull = await client.start(own)
      }, 90_000)
      afterAll(() => own.run(), 60_000)

      const layout = (): string => join(layouts, name, 'app')
      const repository = (): string => `${offered.gateway.host}/ipfs/${offered.root}/${name}/app`

      test('pulls an image by its tag, cold and warm', async () => {
        const image = await descriptorOf(layout(), 'one')
        await coldAndWarm(`${repository()}:one`, image)
      }, 60_000)

      test('pulls an image by its digest, cold and warm', async () => {
        const image = await descriptorOf(layout(), 'two')
        await coldAndWarm(`${repository()}@${image.digest}`, image)
      }, 60_000)

      test('pulls an image of many platforms, cold and warm', async () => {
        const image = await descriptorOf(layout(), 'many')
        await coldAndWarm(`${repository()}:many`, image)
      }, 60_000)

      async function coldAndWarm(reference: string, image: Descriptor): Promise<void> {
        const { proxy } = offered
        const wanted = await digestsToHave(client.keepsIndex, layout(), image)
        proxy?.reset()
        const cold = await pull({ reference, everyPlatform: true })
        expect(cold.digests).toEqual(expect.arrayContaining(wanted))
        if (proxy !== undefined) expect(proxy.bytes).toBeGreaterThan(LAYER)

        proxy?.reset()
        const warm = await pull({ reference, everyPlatform: true })
        expect(warm.digests).toEqual(expect.arrayContaining(wanted))
        // Tags are asked for again where a source gives no proof of them; layers never are.
        if (proxy !== undefined) expect(proxy.bytes).toBeLessThan(LAYER / 10)

        for (const pulled of [cold, warm]) {
          if (pulled.digest !== undefined) expect(pulled.digest).toBe(image.digest)
        }
      }
    })
  })
}

async function makeLayout(layout: string, seed: string): Promise<void> {
  const image = async (tag: string, layers: number[], architecture = 'amd64'): Promise<void> =>
    makeImage(layout, tag, { layers, architecture, seed: `${seed}/${tag}` })
  await image('one', [20_000, LAYER])
  await image('two', [LAYER])
  await image('amd64', [LAYER])
  await image('arm64', [5_000], 'arm64')
  await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
}
