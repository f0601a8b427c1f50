import { afterAll, describe, expect, test } from '@jest/globals'
import { execFile, spawn, type ChildProcessByStdio } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, openSync, writeSync } from 'node:fs'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface, type Interface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { CID } from 'multiformats/cid'
import { linksOf } from '../../src/content/dag/links.ts'
import { heldBlocks } from '../../src/content/embedded/held-blocks.ts'
import { parseDigest } from '../../src/reference/digest.ts'
import type { RepositoryPlace } from '../../src/roots/root-store.ts'
import { verifyBlock } from '../../src/verify/block.ts'
import { openRoots, type OpenedRoots } from '../fixtures/embedded-roots.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { toolPath } from './harness/tools.ts'

const MiB = 1024 * 1024
const KILLS = 30
const CHILD = fileURLToPath(new URL('harness/pushing-child.mjs', import.meta.url))
const { signal } = new AbortController()

/** What the child says. */
type Told =
  | { readonly staged: string; readonly place: RepositoryPlace; readonly cid: string }
  | { readonly dropping: string; readonly place: RepositoryPlace }
  | { readonly root: string; readonly number: number; readonly cid: string }
  | { readonly failed: string; readonly message: string }
  | { readonly open: true }
  | { readonly collected: true }

class Child {
  readonly told: Told[] = []
  readonly #process: ChildProcessByStdio<Writable, Readable, null>
  readonly #lines: Interface
  #heard = (): void => undefined

  constructor(folder: string, mode: string) {
    this.#process = spawn(process.execPath, [CHILD, folder, mode], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface(this.#process.stdout)
    this.#lines.on('line', (line) => {
      this.told.push(JSON.parse(line) as Told)
      this.#heard()
    })
    this.#lines.once('close', () => this.#heard())
  }

  /** Resolves with the next thing that it says; undefined when there is none. For one caller at a time. */
  async next(): Promise<Told | undefined> {
    const { length } = this.told
    await new Promise<void>((resolve) => (this.#heard = resolve))
    return this.told[length]
  }

  /** The answer to this line. */
  async ask(line: string): Promise<Told | undefined> {
    const answer = this.next()
    this.#process.stdin.write(`${line}\n`)
    return answer
  }

  /** Resolves when everything it said has been read. */
  async kill(): Promise<void> {
    const closed = once(this.#lines, 'close')
    this.#process.kill('SIGKILL')
    await closed
  }
}

/** Every block below this CID is there and right. */
async function expectWhole({ blobs, table }: OpenedRoots, cid: CID): Promise<void> {
  const reader = heldBlocks(blobs, [table]).reader()
  const waiting = [cid]
  try {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const bytes = await reader.get(next, { signal })
      verifyBlock(next, bytes, 'the store', 'holds')
      waiting.push(...linksOf(next, bytes).reverse())
    }
  } finally {
    await reader.close()
  }
}

/** All that was told is there, and all that is there is right. */
async function expectTold(folder: string, told: readonly Told[]): Promise<void> {
  const opened = await openRoots(folder)
  try {
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
    const staged = new Map<string, { place: RepositoryPlace; digest: string; cid: string }>()
    const newest = new Map<string, { number: number; cid: string }>()
    for (const one of told) {
      if ('staged' in one) staged.set(one.staged, { ...one, digest: one.staged })
      else if ('dropping' in one) staged.delete(one.dropping)
      else if ('root' in one) newest.set(one.root, one)
    }
    for (const { place, digest, cid } of staged.values()) {
      const found = await opened.roots.staged.find(place, parseDigest(digest), signal)
      expect({ digest, cid: found?.cid.toString() }).toEqual({ digest, cid })
      await expectWhole(opened, CID.parse(cid))
    }
    for (const [root, { number, cid }] of newest) {
      const versions = await opened.roots.versions.history(root, signal)
      expect(versions.find((version) => version.number === number)?.cid.toString()).toBe(cid)
      for (const version of versions) await expectWhole(opened, version.cid)
    }
  } finally {
    await opened.metadata.close()
  }
}

const teardown = new Teardown()
afterAll(() => teardown.run(), 60_000)

test(`roots in the embedded store survive kill -9, ${KILLS} times, with garbage collected all the while`, async () => {
  const folder = await tempFolder(teardown)
  const told: Told[] = []
  for (let round = 0; round < KILLS; round++) {
    const child = new Child(folder, 'on')
    const things = randomInt(1, 30)
    while (child.told.length < things && (await child.next()) !== undefined);
    // At any point of what it does next.
    await new Promise((resolve) => setTimeout(resolve, randomInt(60)))
    await child.kill()
    told.push(...child.told)
    await expectTold(folder, told)
  }
  expect(told.filter((one) => 'root' in one).length).toBeGreaterThan(KILLS)
  expect(told.filter((one) => 'collected' in one).length).toBeGreaterThan(0)
}, 300_000)

const canMount = process.getuid?.() === 0 && toolPath('mount') !== undefined
const describeMounted = canMount ? describe : describe.skip

describeMounted('a full disk (needs root, to mount a small one)', () => {
  test('refuses what there is no room for, keeps what was told, and takes more when there is room', async () => {
    const folder = await tempFolder(teardown)
    const mount = promisify(execFile)
    await mount('mount', ['-t', 'tmpfs', '-o', 'size=128m', 'tmpfs', folder])
    teardown.defer(() => mount('umount', [folder]))
    const store = join(folder, 'store')
    await mkdir(store)
    const child = new Child(store, 'as-told')
    await child.next()
    const told: Told[] = []
    const push = async (size: number): Promise<Told | undefined> => {
      const answer = await child.ask(String(size))
      if (answer !== undefined) told.push(answer)
      return answer
    }
    const full = { failed: 'STORE_FAILED', message: expect.stringContaining('disk is full') as unknown }
    expect(await push(MiB)).toHaveProperty('staged')
    // Its own blobs do not fill the disk.
    expect(await push(100 * MiB)).toEqual(full)
    expect(await readdir(join(store, 'incoming'))).toEqual([])
    expect(await push(20 * MiB)).toHaveProperty('staged')
    // Others do, to the last byte.
    const ballast = join(folder, 'ballast')
    fill(ballast)
    expect(await push(1000)).toEqual(full)
    expect(await push(0)).toEqual(full)
    await rm(ballast)
    for (let at = 0; at < 50; at++) expect(await push(1000 + at)).toHaveProperty('staged')
    await child.kill()
    await expectTold(store, told)
  }, 120_000)
})

function fill(path: string): void {
  const file = openSync(path, 'w')
  for (const size of [MiB, 4096, 1]) {
    try {
      for (;;) writeSync(file, Buffer.alloc(size))
    } catch (error) {
      expect(error).toHaveProperty('code', 'ENOSPC')
    }
  }
  closeSync(file)
}
