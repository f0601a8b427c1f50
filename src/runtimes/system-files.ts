import { randomBytes } from 'node:crypto'
import type { Stats } from 'node:fs'
import * as fs from 'node:fs/promises'
import { basename, dirname, join, sep } from 'node:path'
import { messageOf, systemCodeOf } from '../errors.ts'
import { isChange } from './runtime.ts'
import type { FileChange, FileReader } from './runtime.ts'
import { unchanged } from './unchanged.ts'

/** Bytes; a configuration of more is none. */
const LARGEST = 1024 * 1024
const NEW_FILE_MODE = 0o644

/** What a change has left. */
export interface Changed {
  /** Where what was there before is kept; undefined where nothing was. */
  readonly kept: string | undefined
}

/** The files below a folder that stands for `/`. Symbolic links are followed, but never out of it. */
export class SystemFiles implements FileReader {
  readonly #root: string

  /** @param root absolute path; `/` for this machine */
  constructor(root: string) {
    this.#root = root
  }

  /** Where a file of the machine is here. */
  pathOf(path: string): string {
    return join(this.#root, path)
  }

  async read(path: string): Promise<string | undefined> {
    const found = await this.#find(path)
    if (found.stats === undefined) return undefined
    if (!found.stats.isFile()) throw unchanged(this.pathOf(path), 'is no file')
    if (found.stats.size > LARGEST) throw unchanged(this.pathOf(path), 'is too large for a configuration')
    const bytes = await this.#attempt(path, 'be read', () => fs.readFile(found.path))
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    } catch (error) {
      throw unchanged(this.pathOf(path), 'is no text in UTF-8', undefined, error)
    }
  }

  async list(folder: string): Promise<readonly string[]> {
    try {
      return (await fs.readdir(this.pathOf(folder))).sort()
    } catch (error) {
      if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '')) return []
      throw unchanged(this.pathOf(folder), `can't be read: ${messageOf(error)}`, undefined, error)
    }
  }

  /**
   * Make a change: the file is replaced as a whole, with the owner and mode it had. What was there before is kept beside
   * it until it is there again.
   *
   * @throws Failure RUNTIME_UNCHANGED where that is not possible, or the file is another one by now
   */
  async write(change: FileChange): Promise<Changed> {
    const { path, before, after, own } = change
    if (!isChange(change)) return { kept: undefined }
    if ((await this.read(path)) !== before) {
      throw unchanged(this.pathOf(path), 'has been changed by somebody else in the meantime')
    }
    const found = await this.#find(path)
    return this.#attempt(path, 'be changed', async () => {
      if (after === undefined) {
        await fs.unlink(this.pathOf(path))
        if (change.withFolder === true) await fs.rmdir(dirname(this.pathOf(path))).catch(() => undefined)
        return { kept: undefined }
      }
      await fs.mkdir(dirname(found.path), { recursive: true })
      const kept = own === undefined || own === after ? undefined : await keep(found.path, own, found.stats)
      await replace(found.path, after, found.stats)
      if (own === after) await forget(found.path, own)
      return { kept }
    })
  }

  /** Where a path leads to, which need not be there. */
  async #find(path: string): Promise<{ path: string; stats: Stats | undefined }> {
    const full = this.pathOf(path)
    return this.#attempt(path, 'be read', async () => {
      const isLink = (await fs.lstat(full).catch(absent))?.isSymbolicLink() === true
      const real = await fs.realpath(full).catch(absent)
      if (real === undefined && isLink) throw unchanged(full, 'is a symbolic link to nowhere')
      const root = await fs.realpath(this.#root)
      const known = real ?? (await existingFolder(full))
      if (!`${known}${sep}`.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
        throw unchanged(full, `leads out of ${this.#root}`)
      }
      return { path: real ?? full, stats: real === undefined ? undefined : await fs.stat(real) }
    })
  }

  async #attempt<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      const code = systemCodeOf(error)
      if (code === undefined || code === 'RUNTIME_UNCHANGED') throw error
      const advice = code === 'EACCES' || code === 'EPERM' ? ' (run it as root)' : ''
      throw unchanged(this.pathOf(path), `can't ${what}: ${messageOf(error)}${advice}`, undefined, error)
    }
  }
}

function absent(error: unknown): undefined {
  if (systemCodeOf(error) !== 'ENOENT' && systemCodeOf(error) !== 'ENOTDIR') throw error
  return undefined
}

async function existingFolder(path: string): Promise<string> {
  const folder = dirname(path)
  return (await fs.realpath(folder).catch(absent)) ?? (folder === path ? path : existingFolder(folder))
}

/** Put `text` in the place of a file, all at once, and on the disk. */
async function replace(path: string, text: string, like: Stats | undefined): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(4).toString('hex')}.partial`)
  try {
    await create(partial, text, like)
    await fs.rename(partial, path)
  } catch (error) {
    await fs.rm(partial, { force: true }).catch(() => undefined)
    throw error
  }
  const folder = await fs.open(dirname(path))
  await folder.sync().finally(() => folder.close())
}

async function create(path: string, text: string, like: Stats | undefined): Promise<void> {
  const file = await fs.open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    const { uid, gid } = await file.stat()
    if (like !== undefined && (like.uid !== uid || like.gid !== gid)) await file.chown(like.uid, like.gid)
    await file.chmod(like === undefined ? NEW_FILE_MODE : like.mode & 0o7777)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Keep `text`, which a file was, beside it; where it is kept already, that will do. */
async function keep(path: string, text: string, like: Stats | undefined): Promise<string> {
  for (let count = 1; ; count++) {
    const copy = copyOf(path, count)
    try {
      await create(copy, text, like)
      return copy
    } catch (error) {
      if (systemCodeOf(error) !== 'EEXIST') throw error
    }
    if ((await fs.readFile(copy, 'utf8')) === text) return copy
  }
}

/** Remove what is kept of a file that is the same again. */
async function forget(path: string, text: string): Promise<void> {
  for (let count = 1; ; count++) {
    const copy = await fs.readFile(copyOf(path, count), 'utf8').catch(absent)
    if (copy === undefined) return
    if (copy === text) await fs.rm(copyOf(path, count))
  }
}

function copyOf(path: string, count: number): string {
  return `${path}.before-ipfs-registry${count === 1 ? '' : `-${count}`}`
}
