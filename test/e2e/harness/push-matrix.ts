import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'

import { join } from 'node:path'

import { CLIENTS } from './clients.ts'
import { descriptorOf, makeImage, makeIndex, type Manifest } from './images.ts'
import { PUSHERS, type PushBy, type Pusher } from './pushers.ts'
import { tempFolder } from './temp.ts'
import { Teardown } from './teardown.ts'
import { describeWith } from './tools.ts'

/** A gateway that takes pushes, and another that has nothing but what is behind the first one to ask. */
export interface PushedTo {
  /** `host:port` of the one that is pushed to. */
  readonly host: string
  /** `host:port` of the other. */
  readonly elsewhere: string
}

const LAYER = 1_300_000

const PROGRAMS = [...new Set([...PUSHERS, ...CLIENTS].flatMap(({ programs }) => programs)), 'umoci']

/** Every client pushes; every client pulls the result by its name, and elsewhere by its content. */
export function describePushMatrix(
  title: string,
  programs: readonly string[],
  start: (teardown: Teardown) => Promise<PushedTo>,
): void {
  describeWith([...PROGRAMS, ...programs], title, () => {
    const teardown = new Teardown()
    let to: PushedTo
    let layouts: string

    beforeAll(async () => {
      layouts = await tempFolder(teardown, 'layouts')
      await Promise.all(PUSHERS.map(({ name }) => makeLayout(join(layouts, name), name)))
      to = await start(teardown)
    }, 180_000)
    afterAll(() => teardown.run(), 60_000)

    const nameOf = (pusher: Pusher): string => `team/${pusher.name}`
    const layoutOf = (pusher: Pusher): string => join(layouts, pusher.name)

    describe.each(PUSHERS.map((pusher) => [pusher.name, pusher] as const))('%s', (_name, pusher) => {
      const own = new Teardown()
      let push: PushBy
      beforeAll(async () => {
        push = await pusher.start(own)
      }, 90_000)
      afterAll(() => own.run(), 60_000)

      test.each(['one', 'two'])(
        'pushes an image as %s',
        async (tag) => {
          const reference = `${to.host}/${nameOf(pusher)}:${tag}`
          const digest = await push({ layout: layoutOf(pusher), tag, reference })
          await expectPushed(to.host, nameOf(pusher), tag, digest ?? (await digestIn(pusher, tag)))
        },
        60_000,
      )

      if (pusher.pushesIndex) {
        test('pushes an image of many platforms', async () => {
          const reference = `${to.host}/${nameOf(pusher)}:many`
          await push({ layout: layoutOf(pusher), tag: 'many', reference })
          await expectPushed(to.host, nameOf(pusher), 'many', await digestIn(pusher, 'many'))
        }, 60_000)
      }
    })

    const digestIn = async (pusher: Pusher, tag: string): Promise<string> =>
      (await descriptorOf(layoutOf(pusher), tag)).digest

    describe.each(CLIENTS.map((client) => [client.name, client] as const))('%s', (_name, client) => {
      test('pulls what each of the others has pushed, by name and by content', async () => {
        const own = new Teardown()
        try {
          const pull = await client.start(own)
          for (const pusher of PUSHERS) {
            const name = nameOf(pusher)
            const { digest, layout, layers } = await pushed(to.host, name, 'two')
            for (const reference of [`${to.host}/${name}:two`, `${to.elsewhere}/ipfs/${layout}:two`]) {
              const pulled = await pull({ reference, everyPlatform: true })
              if (pulled.digest !== undefined) expect(pulled.digest).toBe(digest)
              // Some make an OCI image of what docker pushes; its layers stay what they are.
              else expect(pulled.digests).toEqual(expect.arrayContaining(layers))
            }
          }
        } finally {
          await own.run()
        }
      }, 240_000)
    })
  })
}

async function makeLayout(layout: string, seed: string): Promise<void> {
  const image = async (tag: string, layers: number[], architecture = 'amd64'): Promise<void> =>
    makeImage(layout, tag, { layers, architecture, seed: `${seed}/${tag}` })
  await image('one', [20_000, LAYER])
  await image('two', [LAYER])
  await image('arm64', [5_000], 'arm64')
  await makeIndex(layout, 'many', { amd64: 'one', arm64: 'arm64' })
}

interface Found {
  readonly digest: string
  /** CID of the layout that it is in. */
  readonly layout: string
  /** Digests. */
  readonly layers: string[]
}

/** What is behind a tag now. */
async function pushed(host: string, name: string, tag: string): Promise<Found> {
  const answer = await fetch(`http://${host}/v2/${name}/manifests/${tag}`)
  expect(answer.status).toBe(200)
  const { layers = [] } = (await answer.json()) as Manifest
  const [, , layout = ''] = (answer.headers.get('x-ipfs-path') ?? '').split('/')
  expect(layout).toMatch(/^bafy/)
  return {
    digest: answer.headers.get('docker-content-digest') ?? '',
    layout,
    layers: layers.map((one) => one.digest),
  }
}

async function expectPushed(host: string, name: string, tag: string, digest: string): Promise<void> {
  expect((await pushed(host, name, tag)).digest).toBe(digest)
}
