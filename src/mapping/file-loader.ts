import { readFile, stat } from 'node:fs/promises'
import { Failure, isFailure, messageOf } from '../errors.ts'
import type { MappingLoader, MappingLook } from './mapping-loader.ts'
import { decodeMapping, LARGEST_MAPPING, tooLarge } from './mapping-text.ts'

/** ms between two looks. */
const INTERVAL = 2_000
/** ms until a file that has changed is looked at once more. */
const SETTLED = 250

/**
 * A mapping in a file. Each look reads it: that costs no more than asking for its date, sees changes that leave date
 * and size alone, and is the same for files, links to links, and what was renamed to the name. A changed file is taken
 * when a second look finds it as the first did, since half a file may be a mapping too, of fewer names.
 *
 * @param options `interval` between looks in ms
 */
export function fileLoader(path: string, options: { readonly interval?: number } = {}): MappingLoader {
  const { interval = INTERVAL } = options
  let given: string | undefined
  let seen: string | undefined
  return {
    where: path,
    required: true,
    retryAfter: interval,
    load: async (signal): Promise<MappingLook> => {
      const text = await readMapping(path, signal)
      const settled = given === undefined || text === seen
      seen = text
      if (text === given) return { text: undefined, again: interval }
      if (!settled) return { text: undefined, again: Math.min(SETTLED, interval) }
      given = text
      return { text, again: interval }
    },
  }
}

async function readMapping(path: string, signal: AbortSignal): Promise<string> {
  try {
    const found = await stat(path)
    if (!found.isFile()) throw new Error('it is no file')
    if (found.size > LARGEST_MAPPING) throw tooLarge(path)
    return decodeMapping(await readFile(path, { signal }), path)
  } catch (error) {
    signal.throwIfAborted()
    if (isFailure(error)) throw error
    const message = `the mapping of names ${path} could not be read: ${messageOf(error)}`
    throw new Failure('SETTINGS_INVALID', message, { cause: error })
  }
}
