import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { setMaxListeners } from 'node:events'
import { Agent } from 'undici'
import type { AddedFile } from '../../src/publish/target.ts'
import { createKuboRootStore } from '../../src/roots/kubo/kubo-root-store.ts'
import type { KuboRootStore } from '../../src/roots/kubo/kubo-root-store.ts'
import type { RepositoryPlace, RootVersion } from '../../src/roots/root-store.ts'
import { digestOfBytes } from '../fixtures/layouts.ts'
import { fileOf, nextVersion } from '../fixtures/root-folders.ts'
import { brokenPart, heldPart, partOf, seededBytes } from '../fixtures/upload-parts.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const MiB = 1024 * 1024
const HOUR = 3_600_000

describeWith(['ipfs'], 'two gateways over one Kubo', () => {
  const teardown = new Teardown()
  const dispatcher = new Agent()
  const { signal } = new AbortController()
  setMaxListeners(0, signal)
  let node: KuboNode
  let clock = Date.now()
  let one: KuboRootStore
  let other: KuboRootStore
  let pinsBefore: string
  let places = 0

  beforeAll(async () => {
    teardown.defer(() => dispatcher.destroy())
    // with Kubo's own defaults, and online: it would look for what is missing in a network
    node = await KuboNode.start(teardown, { profile: false, online: true })
    const options = { kubo: { baseUrl: node.api, dispatcher }, history: 5, uploadTimeout: HOUR }
    one = createKuboRootStore({ ...options, now: () => clock })
    other = createKuboRootStore({ ...options, now: () => clock })
    pinsBefore = await pins()
  }, 90_000)
  beforeEach(() => {
    clock += 1
  })
  afterAll(() => teardown.run(), 60_000)

  const newPlace = (): RepositoryPlace => ({ root: 'home', repository: `team/app-${++places}` })
  const gc = () => node.ipfs(['repo', 'gc', '--quiet'])
  /** Kubo lists them in no set order. */
  const pins = async (): Promise<string> =>
    (await node.ipfs(['pin', 'ls', '--type=recursive', '--names'])).trim().split('\n').sort().join('\n')
  const restart = async (): Promise<void> => {
    await node.kill()
    await node.up()
  }
  const upload = async (store: KuboRootStore, place: RepositoryPlace, bytes: Buffer): Promise<AddedFile> => {
    const { id } = await store.uploads.begin(place, signal)
    const half = Math.floor(bytes.length / 2 / MiB) * MiB
    await store.uploads.append(place, id, partOf(bytes.subarray(0, half)), signal)
    return store.uploads.finish(place, id, digestOfBytes(bytes), partOf(bytes.subarray(half)), signal)
  }
  /** Every block below is stored, and the bytes are these. */
  const expectWhole = async (file: AddedFile, bytes: Buffer): Promise<void> => {
    expect(file.cid.toString()).toBe(fileOf(bytes).cid.toString())
    const out = await node.ipfs(['cat', '--offline', file.cid.toString()])
    expect(out).toBe(bytes.toString())
  }
  const expectAllStored = (cid: { toString(): string }) =>
    node.ipfs(['refs', '--recursive', '--unique', '--offline', cid.toString()])

  test('take the parts of one upload', async () => {
    const place = newPlace()
    const bytes = seededBytes('moving', 4 * MiB + 5)
    const { id } = await one.uploads.begin(place, signal)
    await other.uploads.append(place, id, partOf(bytes.subarray(0, MiB)), signal)
    await one.uploads.append(place, id, partOf(bytes.subarray(MiB, 3 * MiB)), signal)
    expect(await other.uploads.status(place, id, signal)).toEqual({ id, size: 3 * MiB })
    const rest = partOf(bytes.subarray(3 * MiB))
    const file = await other.uploads.finish(place, id, digestOfBytes(bytes), rest, signal)
    await expectWhole(file, bytes)
    expect((await one.staged.find(place, digestOfBytes(bytes), signal))?.cid.equals(file.cid)).toBe(true)
  })

  test('let one write only where two write to an upload at once', async () => {
    const place = newPlace()
    const bytes = seededBytes('both', 2 * MiB)
    const { id } = await one.uploads.begin(place, signal)
    const held = heldPart(bytes, MiB)
    const slow = one.uploads.append(place, id, held.part, signal)
    await held.reached
    await other.uploads.append(place, id, partOf(bytes.subarray(0, MiB)), signal)
    held.release()
    await expect(slow).rejects.toMatchObject({ code: 'UPLOAD_INVALID' })
    const last = partOf(bytes.subarray(MiB))
    await expectWhole(await one.uploads.finish(place, id, digestOfBytes(bytes), last, signal), bytes)
  })

  test('make what `ipfs add` makes, in a repository of the profile', async () => {
    const reference = await KuboNode.repo(teardown)
    for (const length of [0, 1, MiB, 3 * MiB + 1, 40 * MiB]) {
      const bytes = seededBytes(`reference ${length}`, length)
      const file = await upload(one, newPlace(), bytes)
      const added = await reference.ipfs(['add', '-Q', '--cid-version=1', '--only-hash'], bytes)
      expect(file.cid.toString()).toBe(added.trim())
    }
  })

  test('leave no pin behind, whatever happens, and the pins of others as they are', async () => {
    const bytes = seededBytes('pinned by the user', 3 * MiB)
    const cid = (
      await node.ipfs(
        ['add', '-Q', '--cid-version=1', '--raw-leaves', '--chunker=size-1048576', '--pin-name=mine'],
        bytes,
      )
    ).trim()
    const before = await pins()
    const file = await upload(one, newPlace(), bytes)
    expect(file.cid.toString()).toBe(cid)
    await Promise.all([one, other, one, other].map((store) => upload(store, newPlace(), bytes)))
    const place = newPlace()
    const { id } = await one.uploads.begin(place, signal)
    await expect(one.uploads.append(place, id, brokenPart(bytes, 2 * MiB), signal)).rejects.toThrow('broke')
    const wrong = one.uploads.finish(place, id, digestOfBytes(Buffer.from('x')), partOf(bytes), signal)
    await expect(wrong).rejects.toMatchObject({ code: 'DIGEST_INVALID' })
    expect(await pins()).toBe(before)
    expect(before).toContain('mine')
    await node.ipfs(['pin', 'rm', cid])
    expect(await pins()).toBe(pinsBefore)
  })

  test('lose nothing to garbage collection between the steps', async () => {
    const place = newPlace()
    const bytes = seededBytes('collected', 3 * MiB + 3)
    await gc()
    const { id } = await one.uploads.begin(place, signal)
    await gc()
    await one.uploads.append(place, id, partOf(bytes.subarray(0, MiB)), signal)
    await gc()
    await other.uploads.append(place, id, partOf(bytes.subarray(MiB, 2 * MiB)), signal)
    await gc()
    const last = partOf(bytes.subarray(2 * MiB))
    const file = await one.uploads.finish(place, id, digestOfBytes(bytes), last, signal)
    await gc()
    await expectWhole(file, bytes)
    const version = await other.versions.commit(
      'collected',
      undefined,
      await nextVersion({ a: file, b: 'b' }),
      signal,
    )
    await one.staged.drop(place, [digestOfBytes(bytes)], signal)
    await gc()
    await restart()
    await expectAllStored(version!.cid)
    await expectWhole(file, bytes)
  }, 60_000)

  test('lose nothing to garbage collection that goes on all the time, nor does MFS', async () => {
    const root = 'busy'
    let done = false
    const collecting = (async () => {
      for (let round = 0; !done; round++) {
        // so that a collection takes a while
        const form = new FormData()
        for (let at = 0; at < 500; at++) form.append('file', new Blob([`${round} ${at} ${Math.random()}`]))
        const put = await fetch(`${node.api}/api/v0/block/put?cid-codec=raw`, { method: 'POST', body: form })
        await put.text()
        await gc()
      }
    })()
    const pushed: { place: RepositoryPlace; bytes: Buffer; file: AddedFile }[] = []
    const push = async (store: KuboRootStore, name: string): Promise<void> => {
      const place = { root, repository: name }
      const bytes = seededBytes(`busy ${name}`, 2 * MiB + 11)
      const file = await upload(store, place, bytes)
      const files = { [`${name}/blob`]: file, [`${name}/index.json`]: `{"of":"${name}"}` }
      for (;;) {
        const base = await store.versions.head(root, signal)
        if ((await store.versions.commit(root, base, await nextVersion(files), signal)) !== undefined) break
      }
      pushed.push({ place, bytes, file })
    }
    try {
      for (let round = 0; round < 4; round++) {
        await Promise.all([one, other, one, other].map((store, at) => push(store, `app-${round}-${at}`)))
      }
    } finally {
      done = true
      await collecting
    }
    await restart()
    await gc()
    const history = await one.versions.history(root, signal)
    expect(history[0]?.number).toBe(16)
    for (const { cid } of history) await expectAllStored(cid)
    for (const { place, bytes, file } of pushed) {
      const staged = await other.staged.find(place, digestOfBytes(bytes), signal)
      expect(staged?.cid.toString()).toBe(file.cid.toString())
      await expectAllStored(file.cid)
    }
    expect(await pins()).toBe(pinsBefore)
  }, 180_000)

  test('race for a version: one wins, and all can go on', async () => {
    let base: RootVersion | undefined
    for (let round = 0; round < 4; round++) {
      const tries = await Promise.all(
        Array.from({ length: 16 }, async (_, at) =>
          [one, other][at % 2]!.versions.commit(
            'race',
            base,
            await nextVersion({ [`by-${at}`]: `${round}` }),
            signal,
          ),
        ),
      )
      const won = tries.filter((version) => version !== undefined)
      expect(won).toHaveLength(1)
      base = await other.versions.head('race', signal)
      expect(base?.cid.toString()).toBe(won[0]?.cid.toString())
    }
  }, 60_000)

  test('take twelve uploads at once in bounded memory', async () => {
    const bytes = seededBytes('twelve', 96 * MiB)
    const before = process.memoryUsage()
    let most = 0
    const watch = setInterval(() => {
      const { arrayBuffers, heapUsed } = process.memoryUsage()
      most = Math.max(most, arrayBuffers + heapUsed - before.arrayBuffers - before.heapUsed)
    }, 20)
    const files = await Promise.all(
      Array.from({ length: 12 }, (_, at) => upload([one, other][at % 2]!, newPlace(), bytes)),
    )
    clearInterval(watch)
    expect(new Set(files.map(({ cid }) => cid.toString())).size).toBe(1)
    expect(most).toBeLessThan(100 * MiB)
  }, 120_000)

  test('sweep what a crash has left behind, and nothing of others', async () => {
    const add = (name: string, text: string) =>
      node.ipfs(['add', '-Q', '--cid-version=1', '-w', `--pin-name=${name}`, '--stdin-name=x'], text)
    const left = await add(`ipfs-registry-upload-x-0-${clock - 2 * HOUR}`, 'left')
    const young = await add(`ipfs-registry-upload-x-0-${clock}`, 'young')
    const foreign = await add(`my-ipfs-registry-upload-x-0-${clock - 2 * HOUR}`, 'foreign')
    await one.sweep(signal)
    const now = await pins()
    expect(now).not.toContain(left.trim())
    for (const kept of [young, foreign]) {
      expect(now).toContain(kept.trim())
      await node.ipfs(['pin', 'rm', kept.trim()])
    }
  })

  test('say that a root can not be read, rather than that there is none', async () => {
    const version = await one.versions.commit('broken', undefined, await nextVersion({ a: 'b' }), signal)
    await restart()
    await node.ipfs(['block', 'rm', version!.cid.toString()])
    const unreadable = { code: 'ROOT_UNREADABLE' }
    await expect(one.versions.head('broken', signal)).rejects.toMatchObject(unreadable)
    await expect(one.versions.history('broken', signal)).rejects.toMatchObject(unreadable)
  }, 60_000)

  test('say that Kubo is down, and go on when it is back', async () => {
    const place = newPlace()
    const bytes = seededBytes('down', MiB + 1)
    const { id } = await one.uploads.begin(place, signal)
    await node.kill()
    const unavailable = { code: 'CONTENT_UNAVAILABLE' }
    await expect(one.uploads.begin(place, signal)).rejects.toMatchObject(unavailable)
    await expect(one.uploads.append(place, id, partOf(bytes), signal)).rejects.toMatchObject(unavailable)
    await expect(one.blocks.get(fileOf(bytes).cid, { signal })).rejects.toMatchObject(unavailable)
    await expect(one.staged.find(place, digestOfBytes(bytes), signal)).rejects.toMatchObject(unavailable)
    await expect(one.versions.head('race', signal)).rejects.toMatchObject({ code: 'ROOT_UNREADABLE' })
    await node.up()
    const file = await one.uploads.finish(place, id, digestOfBytes(bytes), partOf(bytes), signal)
    await expectWhole(file, bytes)
  })
})
