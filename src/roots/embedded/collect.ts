import type { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'
import type { KeptContent } from './kept-content.ts'
import { Marks } from './marks.ts'
import { Sweep, type SweepOptions, type Swept } from './sweep.ts'

/** Roots, each with all that is below it, as they are when they are asked for. */
export type Roots = () => AsyncIterable<CID> | Iterable<CID>

/**
 * Remove what nothing reaches. Images are pushed meanwhile: what they need is marked as it is kept, and removing goes in
 * small steps, each alone. Publishing and importing wait until it has ended, and it until they have.
 */
export async function collect(
  kept: KeptContent,
  needed: readonly Roots[],
  options: SweepOptions,
): Promise<Swept> {
  const { signal } = options
  return kept.table.writing.exclusive(signal, async () => {
    const marks = new Marks(kept, signal)
    // From here on, what anybody keeps is marked by them.
    await kept.changes.exclusive(signal, async () => {
      kept.marks = marks
    })
    try {
      for (const roots of needed) for await (const root of roots()) await marks.add(root)
      return await new Sweep(kept, marks, options).run()
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof Failure) throw error
      const message = `garbage can't be collected, and what is left of it stays: ${messageOf(error)}`
      throw new Failure('STORE_FAILED', message, { cause: error })
    } finally {
      kept.marks = undefined
    }
  })
}
