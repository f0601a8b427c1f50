import type { ChainedBatch } from 'classic-level'
import { Failure, messageOf, systemCodeOf } from '../errors.ts'
import { MendingLevel } from './mending-level.ts'

export type Metadata = MendingLevel

/** Changes that are made as one. */
export type MetadataBatch = ChainedBatch<Metadata, string, string>

/**
 * Open the key-value store that holds what is known of the blobs and blocks in a store's folder. It also is the
 * folder's lock: one process at a time.
 *
 * @throws Failure STORE_LOCKED when another process has it, STORE_FAILED when it can't be opened
 */
export async function openMetadata(folder: string): Promise<Metadata> {
  const database: Metadata = new MendingLevel(folder, { keyEncoding: 'utf8', valueEncoding: 'utf8' })
  try {
    await database.open()
    return database
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (systemCodeOf(cause) === 'LEVEL_LOCKED') {
      throw new Failure('STORE_LOCKED', `the store ${folder} is held by another process`, { cause: error })
    }
    const reason = messageOf(cause ?? error)
    throw new Failure('STORE_FAILED', `the store ${folder} can't be opened: ${reason}`, { cause: error })
  }
}
