import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from './teardown.ts'

/** A fresh folder with a short path (unix sockets have room for 107 bytes), removed at the end. */
export async function tempFolder(teardown: Teardown, name = 'e2e'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`))
  teardown.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }))
  return folder
}
