import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BufferPool } from '../../../src/cache/buffer-pool.ts'
import { ChunkSums } from '../../../src/cache/chunk-sums.ts'
import { DiskBlobs } from '../../../src/cache/disk-blobs.ts'
import { openMetadata, type Metadata } from '../../../src/cache/metadata.ts'
import { BlockTable } from '../../../src/content/embedded/block-table.ts'
import { createEmbeddedTarget } from '../../../src/content/embedded/target.ts'
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
