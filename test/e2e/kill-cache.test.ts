import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { type CaseImage, makeCaseImage, writeLayout } from './faults/content.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { brought, download, downloadUntilRight } from './harness/download.ts'
import { Gateway, type Published, repositoryOf } from './harness/gateway-process.ts'
import { killRounds } from './harness/kill-rounds.ts'
import { KuboNode } from './harness/kubo.ts'
import type { Random } from './harness/random.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

const { rounds, random } = killRounds(5)

/** Images at the source, far more than are asked for in a round. */
const IMAGES = 60
/** Blobs and manifests that are asked for at once. */
const AT_ONCE = 12

interface Wanted {
  /** Path of a blob or manifest. */
  readonly path: string
  readonly digest: string
}

describeWith(['ipfs'], 'a gateway with its store, killed while it fetches and is published to', () => {
  const teardown = new Teardown()
  const images = Array.from({ length: IMAGES }, (_, index) =>
    makeCaseImage(`image-${index}`, `${random.seed}/${index}`, true),
  )
  const published: Wanted[][] = []
  let folder: string
  let root: string
  let source: CountingProxy
  let gateway: Gateway

  beforeAll(async () => {
    folder = await tempFolder(teardown, 'kill-cache')
    for (const image of images) await writeLayout(folder, image)
    const kubo = await KuboNode.start(teardown)
    root = await kubo.add(folder)
    source = await CountingProxy.start(teardown, kubo.gateway)
    // Some of it has to go again.
    const flags = ['--cache-size', '24MiB', '--upstream', 'none']
    gateway = await Gateway.start(teardown, { sources: ['embedded', `gateway=${source.url}`], flags })
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  test(
    `gives nothing wrong, and keeps what it said is published, ${rounds} times`,
    async () => {
      console.log(`KILL_ROUNDS=${rounds} KILL_SEED=${random.seed}`)
      for (let number = 1; number <= rounds; number += 1) await round(number, random.named(number))
      source.fault = () => ({ kind: 'answer', status: 503 })
      for (const each of published.flat()) expect(await isRight(each)).toBe(true)
      console.log('published', published.length)
      expect(published.length).toBeGreaterThan(0)
    },
    60_000 + rounds * 30_000,
  )

  async function round(number: number, own: Random): Promise<void> {
    const wanted = Array.from({ length: AT_ONCE }, () => {
      const image = own.pick(images)
      return own.pick(objectsOf(`ipfs/${root}/${image.name}`, image))
    })
    const image = makeCaseImage(`round-${number}`, `${random.seed}/round-${number}`, true)
    const layouts = join(folder, `published-${number}`)
    await writeLayout(layouts, image)
    const publishing = gateway.attempt(['publish', layouts, '--json', '--store', gateway.store])
    const downloads = wanted.map((each) => download(urlOf(each)))
    await delay(own.below(2_000))
    // More of them when it is late, so that there is something under way.
    downloads.push(...wanted.map((each) => download(urlOf(each))))
    await delay(own.below(60))
    await gateway.kill()
    for (const [index, got] of (await Promise.all(downloads)).entries()) {
      if (got.status === 200 && got.complete) expect(got.digest).toBe(wanted[index % AT_ONCE]?.digest)
    }
    const { code, stdout } = await publishing
    await gateway.up()
    if (code === 0) published.push(objectsOf(repositoryOf(JSON.parse(stdout) as Published), image))
    await rm(layouts, { recursive: true })

    source.fault = () => ({ kind: 'answer', status: 503 })
    for (const each of wanted) {
      const got = await download(urlOf(each))
      if (got.status === 200) expect(brought(got, each.digest)).toBe(true)
    }
    for (const each of published.slice(-3).flat()) expect(await isRight(each)).toBe(true)
    source.fault = () => undefined
    for (const each of wanted) await downloadUntilRight(urlOf(each), each.digest)
  }

  const urlOf = ({ path }: Wanted): string => `${gateway.url}/v2/${path}`
  const isRight = async (each: Wanted): Promise<boolean> => brought(await download(urlOf(each)), each.digest)
})

function objectsOf(repository: string, { manifest, config, layer }: CaseImage): Wanted[] {
  return [
    { path: `${repository}/manifests/${manifest.digest}`, digest: manifest.digest },
    ...[config, layer].map(({ digest }) => ({ path: `${repository}/blobs/${digest}`, digest })),
  ]
}
