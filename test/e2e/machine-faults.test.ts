import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdir, open, readdir, stat, truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCaseImage, writeLayout } from './faults/content.ts'
import type { CaseImage } from './faults/content.ts'
import { ask } from './faults/question.ts'
import type { Reply } from './faults/question.ts'
import { run, until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { Gateway } from './harness/gateway-process.ts'
import type { GatewayOptions } from './harness/gateway-process.ts'
import { KuboNode } from './harness/kubo.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith, toolPath } from './harness/tools.ts'

const canMount = process.getuid?.() === 0 && toolPath('mount') !== undefined
const testMounted = canMount || process.env['CI'] ? test : test.skip

/** Of everything an image consists of. */
const ALL = ['tag', 'manifest', 'config', 'layer', 'range', 'tags', 'referrers'] as const

describeWith(['ipfs', 'prlimit'], 'a machine that fails', () => {
  const teardown = new Teardown()
  let kubo: KuboNode
  let root: string
  let images: readonly CaseImage[]
  beforeAll(async () => {
    kubo = await KuboNode.start(teardown)
    const folder = join(await tempFolder(teardown), 'images')
    await mkdir(folder)
    images = Array.from({ length: 8 }, (_, i) => makeCaseImage(`case-${i}`, `machine/${i}`, true))
    for (const image of images) await writeLayout(folder, image)
    root = await kubo.add(folder)
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  const start = (options: GatewayOptions = {}): Promise<Gateway> =>
    Gateway.start(teardown, { sources: [`gateway=${kubo.gateway}`], ...options })

  /** Everything of some images. */
  async function askAll(gateway: Gateway, of: readonly CaseImage[] = images): Promise<[string, Reply][]> {
    const replies: [string, Reply][] = []
    for (const image of of) {
      for (const asked of ALL) {
        const repository = `${gateway.url}/v2/ipfs/${root}/${image.name}`
        replies.push([`${asked} of ${image.name}`, await ask(repository, asked, image)])
      }
    }
    return replies
  }

  /** What is not right, as text. */
  function flaws(replies: readonly [string, Reply][], allowed: readonly string[] = []): string[] {
    return replies
      .filter(([, { worth }]) => worth !== 'right' && !allowed.includes(worth))
      .map(([what, { worth, got }]) => `${what}: ${worth}: ${got.status} ${got.text.slice(0, 200)}`)
  }

  test.each([
    ['a bit of each is flipped', flipped],
    ['each ends in its middle', halved],
    ['each has no bytes', emptied],
  ])(
    'stored blobs, when %s: what is wrong is fetched anew, and else not given',
    async (_, spoil) => {
      const gateway = await start()
      expect(flaws(await askAll(gateway))).toEqual([])
      await gateway.down()
      const files = await filesBelow(join(gateway.store, 'blobs'))
      expect(files.length).toBeGreaterThan(images.length)
      for (const file of files) await spoil(file)
      await kubo.down()
      await gateway.up()
      expect(flaws(await askAll(gateway), ['refused', 'broken'])).toEqual([])
      await kubo.up()
      await until('all right again', async () => flaws(await askAll(gateway)).length === 0)
      await gateway.down()
    },
    120_000,
  )

  test.each([
    ['flipped', flipped],
    ['halved', halved],
  ])(
    'files of the database, when one after the other is %s: right answers, or no start',
    async (_, spoil) => {
      const gateway = await start()
      expect(flaws(await askAll(gateway))).toEqual([])
      await gateway.down()
      const all = await filesBelow(gateway.store)
      const files = all.filter((file) => /\.(ldb|log)$|MANIFEST|CURRENT/.test(file))
      expect(files.length).toBeGreaterThan(0)
      for (const file of files) {
        await spoil(file)
        const started = await gateway.up().then(
          () => true,
          () => false,
        )
        if (started) expect([file, flaws(await askAll(gateway))]).toEqual([file, []])
        else expect(gateway.process.output()).toMatch(/the store \S+ can't be opened: ./)
        await gateway.down()
        if (!started) break
      }
    },
    120_000,
  )

  testMounted(
    'a store that can be read only: images are served, and nothing is kept',
    async () => {
      const gateway = await start()
      const { store } = gateway
      expect(flaws(await askAll(gateway, images.slice(0, 4)))).toEqual([])
      await run('mount', ['--bind', store, store])
      const own = new Teardown()
      own.defer(async () => void (await run('umount', [store])))
      try {
        await run('mount', ['-o', 'remount,ro,bind', store])
        expect(flaws(await askAll(gateway))).toEqual([])
        expect(await gateway.metrics()).toMatch(/cache_write_failures_total [1-9]/)
        await gateway.down()
        await expect(gateway.up()).rejects.toThrow(/the store \S+ can't be opened: .*Read-only file system/)
      } finally {
        await own.run()
      }
      await gateway.up()
      expect(flaws(await askAll(gateway))).toEqual([])
      await gateway.down()
    },
    60_000,
  )

  test('no more open files: clean errors, and right answers when there is room again', async () => {
    const gateway = await start()
    const { pid } = gateway.process
    const used = (await readdir(`/proc/${pid}/fd`)).length
    await run('prlimit', ['--pid', String(pid), `--nofile=${used + 12}:${used + 12}`])
    const crowd = (): Promise<[string, Reply][][]> =>
      Promise.all(Array.from({ length: 100 }, (_, i) => askAll(gateway, images.slice(i % 8, (i % 8) + 1))))
    // Connections beyond those that fit are not taken, or broken off.
    const replies = (await crowd()).flat()
    expect(flaws(replies, ['refused', 'broken', 'silence'])).toEqual([])
    expect(replies.some(([, { worth }]) => worth !== 'right')).toBe(true)
    expect(gateway.process.running()).toBe(true)
    await until('all right again', async () => flaws(await askAll(gateway)).length === 0)
    await gateway.down()
  }, 120_000)

  test('Kubo killed in the middle of a pull, and back: pulls go on', async () => {
    const proxy = await CountingProxy.start(teardown, kubo.gateway)
    const gateway = await start({
      sources: [`gateway=${proxy.url}`],
      flags: ['--stall-timeout', '1s', '--answer-timeout', '5s'],
    })
    const asking = Promise.all(
      images.map((image) => ask(`${gateway.url}/v2/ipfs/${root}/${image.name}`, 'layer', image)),
    )
    await until('the first bytes', () => proxy.bytes > 0)
    await kubo.kill()
    for (const { worth, got } of await asking) {
      expect([worth, got.status]).not.toEqual(['wrong', expect.anything()])
    }
    await kubo.up()
    await until('all right again', async () => flaws(await askAll(gateway)).length === 0)
    await gateway.down()
  }, 60_000)
})

async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
}

async function flipped(file: string): Promise<void> {
  const { size } = await stat(file)
  if (size === 0) return
  const handle = await open(file, 'r+')
  const byte = Buffer.alloc(1)
  await handle.read(byte, 0, 1, size >> 1)
  byte[0] = (byte[0] ?? 0) ^ 0x10
  await handle.write(byte, 0, 1, size >> 1)
  await handle.close()
}

async function halved(file: string): Promise<void> {
  await truncate(file, (await stat(file)).size >> 1)
}

async function emptied(file: string): Promise<void> {
  await truncate(file, 0)
}
