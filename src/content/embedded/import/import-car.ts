import type { CID } from 'multiformats/cid'
import type { DiskBlobs } from '../../../cache/disk-blobs.ts'
import { Failure, isFailure } from '../../../errors.ts'
import type { CarImportOptions, CarTarget } from '../../../import/car-target.ts'
import type { ImportedCar } from '../../../import/importer.ts'
import { progressOf } from '../../../publish/progress.ts'
import type { Digest } from '../../../reference/digest.ts'
import { inlineBytes } from '../../../verify/block.ts'
import type { CarReader } from '../../car/car-reader.ts'
import type { HeldBlocks } from '../../dag/held-blocks.ts'
import type { BlockTable } from '../block-table.ts'
import { assemble } from './assemble.ts'
import { keepBlocks } from './keep-blocks.ts'
import { NumberSet } from './number-set.ts'
import { MAX_MISSING, reach, type Reached } from './reach.ts'
import { StagedBlocks } from './staged-blocks.ts'

export interface EmbeddedCarStore {
  readonly blobs: DiskBlobs
  readonly table: BlockTable
  /** Blocks that a CAR need not bring. */
  readonly held: HeldBlocks
}

/**
 * Bytes that files may have for each byte of their blocks. One that says the same block again and again may be as large
 * as it likes: beyond this it is kept as blocks.
 */
const MOST_EXPANSION = 4

/**
 * Puts CARs into the embedded store. Blocks come in any order, so they are staged first; files are then made blobs, as
 * those that are published are, whatever shape their DAG has; everything else is kept by value. Nothing counts before
 * the roots are pinned: until then the blobs are those of a cache, held while the import lasts.
 */
export function createEmbeddedCarTarget(store: EmbeddedCarStore): CarTarget {
  return {
    importCar: (car, options) =>
      store.table.writing.shared(options.signal, () => importCar(store, car, options)),
  }
}

async function importCar(
  store: EmbeddedCarStore,
  car: CarReader,
  options: CarImportOptions,
): Promise<ImportedCar> {
  const roots = rootsIn(await car.readRoots(), options.label)
  const held = store.held.reader()
  const holds = new Map<Digest, () => void>()
  const hold = (digest: Digest): void => {
    if (!holds.has(digest)) holds.set(digest, store.blobs.hold(digest))
  }
  const blocks = await StagedBlocks.create(store.blobs.workFolder, { held, signal: options.signal })
  try {
    const inCar = await stage(car, blocks)
    const reached = await reachAll(blocks, roots, options)
    await storeReached(store, blocks, reached, { ...options, hold })
    progressOf('pinning', options.onProgress)(0, undefined)
    await store.blobs.publish(holds.keys())
    for (const { cid } of reached.roots) await store.table.pin(cid.toV1(), options.label)
    return {
      kind: 'car',
      roots: reached.roots.map(({ cid, ...counts }) => ({ root: cid.toString(), ...counts })),
      unreachable: inCar - reached.fromCar,
      missing: reached.missing.size,
    }
  } finally {
    for (const end of holds.values()) end()
    await blocks.remove()
    await held.close()
  }
}

/** @returns how many different blocks it has */
async function stage(car: CarReader, blocks: StagedBlocks): Promise<number> {
  for await (const { cid, bytes } of car.blocks()) {
    if (inlineBytes(cid) === undefined) await blocks.add(cid, bytes)
  }
  await blocks.finish()
  return blocks.count
}

async function reachAll(
  blocks: StagedBlocks,
  roots: readonly CID[],
  { label, allowIncomplete, onProgress }: CarImportOptions,
): Promise<Reached> {
  const checking = progressOf('checking', onProgress)
  const total = blocks.bytes
  const reached = await reach(blocks, roots, {
    allowUnsound: allowIncomplete,
    onBytes: (count) => checking(count, total),
  })
  const there = reached.roots.filter(({ cid }) => !reached.missing.has(cid.toString()))
  const [first] = reached.missing
  if (first === undefined || (allowIncomplete && there.length > 0)) return { ...reached, roots: there }
  const more = reached.missing.size - 1
  const count = reached.missing.size < MAX_MISSING ? String(more) : `${more} or more`
  throw new Failure(
    'IMPORT_INVALID',
    `${label} is incomplete: block ${first} is neither in it nor in the store` +
      (more === 0 ? '' : `, and ${count} others are not either`) +
      (there.length === 0 ? '' : '. --allow-incomplete keeps what is there'),
    { detail: { missing: [...reached.missing].slice(0, 100) } },
  )
}

async function storeReached(
  store: EmbeddedCarStore,
  blocks: StagedBlocks,
  { roots, numbers }: Reached,
  { hold, onProgress }: CarImportOptions & { readonly hold: (digest: Digest) => void },
): Promise<void> {
  const total = roots.reduce((sum, { bytes }) => sum + bytes, 0)
  const storing = progressOf('storing', onProgress)
  const onBytes = (count: number): void => storing(count, total)
  const placed = new NumberSet()
  let room = MOST_EXPANSION * total
  for await (const { cid, size } of blocks.files()) {
    if (size > room) continue
    room -= size
    try {
      await assemble(store, blocks, cid, { placed, hold, onBytes })
    } catch (error) {
      // What can't be made one file is kept as blocks.
      if (!isFailure(error, 'CONTENT_NOT_FOUND', 'CONTENT_UNAVAILABLE')) throw error
    }
  }
  await keepBlocks(store.table, blocks, {
    isToKeep: ({ number }) => numbers.has(number) && !placed.has(number),
    onBytes,
  })
}

/** Roots of a CAR, each once, without the empty identity CID that stands for none. */
function rootsIn(named: readonly CID[], label: string): CID[] {
  const roots = new Map(named.map((cid) => [cid.toString(), cid]))
  const meant = [...roots.values()].filter((cid) => inlineBytes(cid)?.byteLength !== 0)
  if (meant.length > 0) return meant
  throw new Failure(
    'IMPORT_INVALID',
    `${label} names no root, so nothing in it could be found again. Make one that does: ipfs dag export <cid>`,
  )
}
