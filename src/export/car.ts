import { carBytes } from '../content/car/car-writer.ts'
import type { HeldBlocks } from '../content/dag/held-blocks.ts'
import { resolveDagPath } from '../content/dag/path.ts'
import { walkDag } from '../content/dag/walk.ts'
import { formatContentPath } from '../content/source.ts'
import type { ContentPath } from '../content/source.ts'
import type { OpenedExport } from './export.ts'

/** The first byte of a length that never comes. */
const BROKEN_OFF = Buffer.of(0xff)

/**
 * Everything below what a path leads to, as the one CAR that there is of it: CARv1, that CID as its root, depth first,
 * no block twice.
 *
 * @param check refuses what a path leads to. @throws Failure DENIED
 * @throws Failure CONTENT_NOT_FOUND, CONTENT_UNAVAILABLE, from the body too
 */
export async function openCar(
  path: ContentPath,
  blocks: HeldBlocks,
  check: (target: ContentPath) => void,
  signal: AbortSignal,
): Promise<OpenedExport> {
  const reader = blocks.reader()
  const { cid, cids } = await resolveDagPath(reader, path, { signal }).finally(() => reader.close())
  for (const root of cids) check({ root, segments: [] })
  async function* body(): AsyncGenerator<Uint8Array> {
    const own = blocks.reader()
    try {
      yield* carBytes([cid], walkDag(own, { path: [], cid }, { scope: 'all', dups: false }, signal))
    } catch (error) {
      // A CAR has no end mark: one that stops between two blocks would look whole.
      yield BROKEN_OFF
      throw error
    } finally {
      await own.close()
    }
  }
  return {
    summary: { source: formatContentPath(path), root: cid.toString(), size: undefined },
    body: body(),
  }
}
