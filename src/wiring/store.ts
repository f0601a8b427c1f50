import { access, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { BufferPool } from '../cache/buffer-pool.ts'
import { CHUNK } from '../cache/chunk-sums.ts'
import { DiskBlobs } from '../cache/disk-blobs.ts'
import { openMetadata, type Metadata } from '../cache/metadata.ts'
import { RecentRecords } from '../cache/recent-records.ts'
import type { WriteShared } from '../cache/spool.ts'
import type { Config } from '../config/config.ts'
import type { HeldBlocks } from '../content/dag/held-blocks.ts'
import { NOTHING_HELD } from '../content/dag/relayed-blocks.ts'
import { BlockTable } from '../content/embedded/block-table.ts'
import { heldBlocks } from '../content/embedded/held-blocks.ts'
import { RecentBlocks } from '../content/embedded/recent-blocks.ts'
import { Failure, messageOf } from '../errors.ts'
import type { SavedVersion, VersionMemory } from '../follow/kept-version.ts'
import type { MappingRecord } from '../mapping/live-mapping.ts'
import { KeptRecords, type StoredRecords } from '../naming/kept-records.ts'
import type { RootsMemory, SavedName } from '../naming/roots-memory.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { SavedBlob } from '../repository/ipfs/layout-blobs.ts'
import type { SavedLayout } from '../repository/ipfs/layouts.ts'
import type { KnownContent, KnownTag } from '../repository/upstream/known-images.ts'
import type { KeyMemory, SavedKey } from '../roots/names/root-keys.ts'

/** The store on disk, open: this process holds it. */
export interface OpenStore {
  readonly folder: string
  readonly metadata: Metadata
  readonly blobs: DiskBlobs
  readonly table: BlockTable
  /** Blocks of what the cache holds. */
  readonly recentBlocks: RecentBlocks
  /** Last known roots, as a set of sources resolved them; '' for all sources. */
  readonly rootsOf: (sources: string) => RootsMemory
  readonly ipnsRecords: KeptRecords
  /** Which IPNS keys the roots have; the keys themselves are files, or a Kubo's. */
  readonly rootKeys: KeyMemory
  readonly layouts: RecentRecords<SavedLayout>
  readonly layoutBlobs: RecentRecords<SavedBlob>
  readonly upstreamTags: RecentRecords<KnownTag | null>
  readonly upstreamContents: RecentRecords<KnownContent>
  /** The last good text of a mapping of names that is read from this path on IPFS. */
  readonly mappingAt: (path: string) => MappingRecord
  /** What is kept of a root of others. */
  readonly followedRoot: (root: string) => VersionMemory
  /** The store in it of what not everybody may pull: nothing in one is found through the other. Opened once, closed with it. */
  readonly openPrivate: () => Promise<OpenStore>
  /** Whether that has ever been opened. */
  readonly hasPrivate: () => Promise<boolean>
  close(): Promise<void>
}

/** ms between two notes of what was used lately. */
const SAVE_USE_EVERY = 60_000

/** Characters of records of one kind that are kept at least: of layouts, and of what they and upstreams hold. */
const RECORDS = 16 * 1024 * 1024

/** Bytes of notes of blocks that are kept at least: those of about 100 GiB in leaves of 256 KiB. */
const BLOCK_NOTES = 64 * 1024 * 1024

/** Characters of IPNS records that were fetched and are kept at least: 10 000 records or so. */
const IPNS_RECORDS = 6 * 1024 * 1024

/**
 * Buffers for reading blobs; the limit leaves dozens of slow readers with small ones. What is stored is checked chunk by
 * chunk, so none is smaller than that.
 */
export function createBufferPool(): BufferPool {
  return new BufferPool({ large: 2 * CHUNK, small: CHUNK, limit: 4 * 1024 * 1024 })
}

/**
 * @param parts `writeShared`: how pieces of shared memory are written
 * @throws Failure STORE_LOCKED when another process holds it, STORE_FAILED
 */
export async function openStore(
  config: Config,
  folder: string,
  pool: BufferPool,
  parts: { readonly metrics?: Metrics; readonly writeShared?: WriteShared } = {},
): Promise<OpenStore> {
  const { metrics, writeShared } = parts
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
  } catch (error) {
    throw new Failure('STORE_FAILED', `the store ${folder} can't be made: ${messageOf(error)}`, {
      cause: error,
    })
  }
  const metadata = await openMetadata(join(folder, 'metadata'))
  const blobs = await DiskBlobs.open({
    folder,
    metadata,
    cacheSize: config.cacheSize,
    pool,
    writeShared,
    onEvict: () => metrics?.cacheEvictions.add({ cache: 'blobs' }),
  })
  const onFailure = (): void => metrics?.cacheWriteFailures.add()
  const records = { metadata, limit: RECORDS, onFailure }
  const layouts = await RecentRecords.open<SavedLayout>({ ...records, name: 'layout' })
  const layoutBlobs = await RecentRecords.open<SavedBlob>({ ...records, name: 'layout-blob' })
  const upstreamTags = await RecentRecords.open<KnownTag | null>({ ...records, name: 'upstream-tag' })
  const upstreamContents = await RecentRecords.open<KnownContent>({ ...records, name: 'upstream-content' })
  const recentBlocks = await RecentBlocks.open({ metadata, limit: BLOCK_NOTES, onFailure })
  const fetched = await RecentRecords.open<string>({ ...records, name: 'ipns-record', limit: IPNS_RECORDS })
  const privateFolder = join(folder, 'private')
  let privately: Promise<OpenStore> | undefined
  const timer = setInterval(() => void blobs.saveUse().catch(() => undefined), SAVE_USE_EVERY)
  timer.unref()
  return {
    folder,
    metadata,
    blobs,
    table: new BlockTable(metadata),
    recentBlocks,
    rootsOf: (sources) => rootsIn(metadata, sources === '' ? 'name' : `name-${sources}`),
    ipnsRecords: new KeptRecords(ipnsRecordsIn(metadata, fetched)),
    rootKeys: rootKeysIn(metadata),
    layouts,
    layoutBlobs,
    upstreamTags,
    upstreamContents,
    mappingAt: (path) => mappingIn(metadata, path, onFailure),
    followedRoot: (root) => followedIn(metadata, root),
    openPrivate: () => (privately ??= openStore(config, privateFolder, pool, { writeShared })),
    hasPrivate: () => isThere(privateFolder),
    async close() {
      clearInterval(timer)
      await privately?.then(
        (store) => store.close(),
        () => undefined,
      )
      const recent = [layouts, layoutBlobs, upstreamTags, upstreamContents, recentBlocks, fetched]
      await Promise.all(recent.map((one) => one.settled()))
      await blobs.saveUse().catch(() => undefined)
      await metadata.close()
    },
  }
}

/** The blocks of what is published, imported and cached. */
export function heldIn(store: OpenStore | undefined): HeldBlocks {
  if (store === undefined) return NOTHING_HELD
  return heldBlocks(store.blobs, [store.table, store.recentBlocks])
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await access(folder)
    return true
  } catch {
    return false
  }
}

function rootsIn(metadata: Metadata, name: string): RootsMemory {
  const table = metadata.sublevel<string, SavedName>(name, { valueEncoding: 'json' })
  return {
    load: () => table.values().all(),
    save: (key, saved) => table.put(key, saved),
    remove: (key) => table.del(key),
  }
}

function rootKeysIn(metadata: Metadata): KeyMemory {
  const table = metadata.sublevel<string, SavedKey>('root-key', { valueEncoding: 'json' })
  return {
    load: () => table.values().all(),
    save: (saved) => table.put(saved.root, saved),
  }
}

function mappingIn(metadata: Metadata, path: string, onFailure: () => void): MappingRecord {
  const table = metadata.sublevel<string, string>('mapping', {})
  return {
    get: () => table.get(path),
    put: (text) => void table.put(path, text).catch(onFailure),
  }
}

function followedIn(metadata: Metadata, root: string): VersionMemory {
  const table = metadata.sublevel<string, SavedVersion>('followed-root', { valueEncoding: 'json' })
  return {
    load: () => table.get(root),
    save: (version) => metadata.batch().put(root, version, { sublevel: table }).write({ sync: true }),
  }
}

function ipnsRecordsIn(metadata: Metadata, fetched: RecentRecords<string>): StoredRecords {
  const lasting = metadata.sublevel<string, Uint8Array>('ipns-record', { valueEncoding: 'view' })
  return {
    async get(key) {
      const name = key.toString()
      const bytes = await lasting.get(name)
      if (bytes !== undefined) return { bytes, lasting: true }
      const text = await fetched.get(name)
      return text === undefined ? undefined : { bytes: Buffer.from(text, 'base64'), lasting: false }
    },
    async put(key, record) {
      const name = key.toString()
      if (record.lasting) {
        await metadata.batch().put(name, record.bytes, { sublevel: lasting }).write({ sync: true })
      } else {
        fetched.put(name, Buffer.from(record.bytes).toString('base64'))
      }
    },
  }
}
