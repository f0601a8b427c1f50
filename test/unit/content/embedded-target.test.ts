import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BlobThread } from '../../../src/cache/blob-thread.ts'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { ChunkSums } from '../../../src/cache/chunk-sums.ts'
import { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import { BlockTable } from '../../../src/content/embedded/block-table.ts'
import { createEmbeddedTarget } from '../../../src/content/embedded/target.ts'
import { FileDagBuilder, LEAF_SIZE } from '../../../src/content/unixfs/file-dag.ts'
import type { AddedFile, PublishTarget } from '../../../src/publish/target.ts'
import { patternBytes } from '../../fixtures/content-tree.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'

const CACHE_SIZE = 1000
const { signal } = new AbortController()

let folder: string
let metadata: Metadata
let blobs: DiskBlobs
let target: PublishTarget

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'embedded-target-'))
  await start()
})

afterEach(async () => {
  await metadata.close()
  await rm(folder, { recursive: true, force: true })
})

async function start(): Promise<void> {
  metadata = await openMetadata(join(folder, 'metadata'))
  const pool = new BufferPool({ large: 65_536, small: 65_536, limit: 1_000_000 })
  blobs = await DiskBlobs.open({ folder, metadata, cacheSize: CACHE_SIZE, pool })
  target = createEmbeddedTarget({ blobs, table: new BlockTable(metadata) })
}

async function restart(): Promise<void> {
  await metadata.close()
  await start()
}

function add(seed: number, size = 800): Promise<AddedFile> {
  const bytes = patternBytes(size, seed)
  return target.addFile(
    {
      size,
      digest: digestOfBytes(bytes),
      open: async function* () {
        yield bytes
      },
    },
    { signal },
  )
}

const digestOf = (seed: number, size = 800) => digestOfBytes(patternBytes(size, seed))

/** As of a pull: something new wants room in the cache. */
async function pull(seed: number): Promise<void> {
  const bytes = patternBytes(900, seed)
  const spool = await blobs.createSpool()
  await spool.append(bytes)
  const sums = new ChunkSums()
  sums.update(bytes)
  await blobs.commit(spool, { digest: digestOfBytes(bytes), size: 900, sums: sums.finish() })
  await spool.close()
}

test('files are not evicted while they are being published, however small the cache is', async () => {
  await add(1)
  await add(2)
  await pull(9)
  const { cid } = await add(3)
  await target.pin(cid, { label: 'app', signal })
  target.release?.()
  await pull(10)
  await restart()
  expect([1, 2, 3].map((seed) => blobs.has(digestOf(seed)))).toEqual([true, true, true])
})

test('what is left of a publishing that was broken off goes when room is needed', async () => {
  await add(1)
  await add(2)
  target.release?.()
  await pull(9)
  expect([1, 2].map((seed) => blobs.has(digestOf(seed)))).toEqual([false, false])
})

test('and after a kill as well', async () => {
  await add(1)
  await restart()
  expect(blobs.has(digestOf(1))).toBe(true)
  await pull(9)
  expect(blobs.has(digestOf(1))).toBe(false)
})

test('what was pulled before is published without being written again', async () => {
  const first = await add(1)
  target.release?.()
  const again = await add(1)
  expect(again.cid.equals(first.cid)).toBe(true)
  await target.pin(again.cid, { label: 'app', signal })
  target.release?.()
  await pull(9)
  expect(blobs.has(digestOf(1))).toBe(true)
})

describe('a large file', () => {
  const SIZE = 5 * 1024 * 1024 + 77
  const BYTES = patternBytes(SIZE, 4)
  let thread: BlobThread

  beforeEach(async () => {
    thread = new BlobThread()
    await thread.start()
    await metadata.close()
    metadata = await openMetadata(join(folder, 'metadata'))
    const pool = new BufferPool({ large: 524_288, small: 262_144, limit: 4_194_304 })
    const cacheSize = 2 * SIZE
    blobs = await DiskBlobs.open({ folder, metadata, cacheSize, pool, writeShared: thread.write })
    target = createEmbeddedTarget({ blobs, table: new BlockTable(metadata), openSums: thread.open })
  })

  afterEach(() => thread.close())

  /** In pieces of this size, up to the one that fails. */
  function addPieces(pieceSize: number, failAt = Infinity): Promise<AddedFile> {
    const open = async function* (): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < SIZE; at += pieceSize) {
        if (at >= failAt) throw new Error('it can not be read')
        yield BYTES.slice(at, at + pieceSize)
      }
    }
    return target.addFile({ size: SIZE, digest: digestOfBytes(BYTES), open }, { signal })
  }

  async function stored(): Promise<Buffer> {
    const blob = await blobs.open(digestOfBytes(BYTES))
    const pieces: Uint8Array[] = []
    if (blob === undefined) throw new Error('it is not stored')
    for await (const piece of blob.read(0, SIZE)) pieces.push(Buffer.from(piece))
    return Buffer.concat(pieces)
  }

  test.each([1000, 64 * 1024, 512 * 1024, SIZE])(
    'is stored as it is, from pieces of %d bytes',
    async (size) => {
      const { cid } = await addPieces(size)
      expect((await stored()).equals(BYTES)).toBe(true)
      const whole = new FileDagBuilder({ onLeaf: () => undefined })
      for (let at = 0; at < SIZE; at += LEAF_SIZE) {
        const leaf = BYTES.subarray(at, at + LEAF_SIZE)
        whole.push(createHash('sha256').update(leaf).digest(), leaf.length)
      }
      expect(cid.toString()).toBe(whole.finish().cid.toString())
    },
  )

  test('that can not be read to its end leaves nothing, and the next goes well', async () => {
    await expect(addPieces(64 * 1024, 3 * 1024 * 1024)).rejects.toThrow('it can not be read')
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
    await addPieces(64 * 1024)
    expect((await stored()).equals(BYTES)).toBe(true)
  })

  test('that the disk does not take is refused, and leaves nothing', async () => {
    const create = blobs.createSpool.bind(blobs)
    blobs.createSpool = async () => {
      const spool = await create()
      spool.write = () => Promise.reject(Object.assign(new Error('no space left'), { code: 'ENOSPC' }))
      return spool
    }
    await expect(addPieces(64 * 1024)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
  })
})
