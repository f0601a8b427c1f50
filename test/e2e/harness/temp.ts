import { randomBytes } from 'node:crypto'
import { mkdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Teardown } from './teardown.ts'

/**
 * A fresh folder, removed at the end. Its path is short, since unix sockets have room for 107 bytes, and in lower
 * case, since podman makes image names of paths.
 */
export async function tempFolder(teardown: Teardown, name = 'e2e'): Promise<string> {
  const folder = join(tmpdir(), `${name}-${randomBytes(5).toString('hex')}`)
  await mkdir(folder, { mode: 0o700 })
  teardown.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 }))
  return folder
}
