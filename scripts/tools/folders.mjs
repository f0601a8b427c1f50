import { mkdirSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Holds one folder with a go.mod per program. */
export const toolsFolder = fileURLToPath(new URL('.', import.meta.url))

/** Where the tests look for programs first. */
export const binFolder = fileURLToPath(new URL('../../.cache/tools/bin/', import.meta.url))

/** Built programs are kept here, so that a second clone on the same machine need not build them again. */
export const cacheFolder = join(
  process.env.XDG_CACHE_HOME || join(homedir(), '.cache'),
  'ipfs-registry-tools',
)

/** Link a program into {@link binFolder}; a link of this name that is there is replaced at once. */
export function linkProgram(target, program) {
  mkdirSync(binFolder, { recursive: true })
  const temporary = join(binFolder, `.${program}-${process.pid}`)
  rmSync(temporary, { force: true })
  symlinkSync(target, temporary)
  renameSync(temporary, join(binFolder, program))
}
