import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder } from './folders.mjs'

/**
 * The folder in the cache that `make` fills, unless a clone on this machine has done so before.
 *
 * @param name what is in it, for people
 * @param hash `createHash('sha256')`, updated with everything that decides what is in it
 * @param make called with an empty folder
 */
export async function cached(name, hash, make) {
  const folder = join(cacheFolder, `${name}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  mkdirSync(cacheFolder, { recursive: true })
  const started = Date.now()
  const unfinished = mkdtempSync(join(cacheFolder, `.${name}-`))
  try {
    await make(unfinished)
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  console.error(`install-tools: built ${name} in ${Math.round((Date.now() - started) / 1000)} s`)
  return folder
}
