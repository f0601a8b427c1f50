import type { Config } from '../config/config.ts'
import { CarReader } from '../content/car/car-reader.ts'
import { carBytes } from '../content/car/car-writer.ts'
import { relayedBlocks } from '../content/dag/relayed-blocks.ts'
import { walkDag, type WalkedBlock } from '../content/dag/walk.ts'
import { createEmbeddedCarTarget } from '../content/embedded/import/import-car.ts'
import type { Keeper } from '../follow/keeper.ts'
import { buildBlockReaders, type LocatedSource } from './sources.ts'
import { heldIn, type OpenStore } from './store.ts'

/** Multicodec of blocks without links. */
const RAW = 0x55

/**
 * Keeps DAGs in the embedded store: block by block from the sources that give blocks, as a CAR is imported. What of it is
 * held already is not fetched again.
 */
export function embeddedKeeper(config: Config, located: readonly LocatedSource[], store: OpenStore): Keeper {
  const { blobs, table } = store
  const held = heldIn(store)
  const blocks = relayedBlocks(held, buildBlockReaders(config, located))
  const cars = createEmbeddedCarTarget({ blobs, table, held })
  return {
    held: (label) => table.pinnedAs(label),
    async keep(cid, label, signal) {
      // What the user keeps himself is here, and is not ours to let go.
      if ((await table.labelOf(cid)) !== undefined) return
      const reader = blocks.reader()
      const walked = walkDag(reader, { path: [], cid }, { scope: 'all', dups: false }, signal)
      const pieces = carBytes([cid], missing(walked))
      try {
        const source = { read: async () => (await pieces.next()).value ?? undefined }
        await cars.importCar(new CarReader(source, label), { label, allowIncomplete: false, signal })
      } finally {
        await pieces.return()
        await reader.close()
      }
    },
    async release(cid, label) {
      if ((await table.labelOf(cid)) === label) await table.unpin(cid)
    },
  }
}

/** Leaves that are held are found where they are. */
async function* missing(walked: AsyncIterable<WalkedBlock>): AsyncGenerator<WalkedBlock> {
  for await (const block of walked) if (block.cid.code !== RAW || block.fetched === true) yield block
}
