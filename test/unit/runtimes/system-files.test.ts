import {
  chmod,
  chown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { SystemFiles } from '../../../src/runtimes/system-files.ts'
import type { FileChange } from '../../../src/runtimes/runtime.ts'

const PATH = '/etc/runtime/config'

let root: string
let files: SystemFiles
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'system-files-'))
  files = new SystemFiles(root)
})
afterEach(() => rm(root, { recursive: true, force: true }))

async function put(text: string | Uint8Array, path = PATH): Promise<string> {
  const full = join(root, path)
  await mkdir(join(full, '..'), { recursive: true })
  await writeFile(full, text)
  return full
}

function change(before: string | undefined, after: string | undefined, own = before): FileChange {
  return { path: PATH, before, after, own }
}

async function names(): Promise<string[]> {
  return (await readdir(join(root, 'etc/runtime'))).sort()
}

describe('reading', () => {
  test('gives every byte, a byte order mark among them', async () => {
    await put('\uFEFFa\r\nb')
    expect(await files.read(PATH)).toBe('\uFEFFa\r\nb')
    expect(await files.read('/etc/none')).toBeUndefined()
    expect(await files.read(`${PATH}/below`)).toBeUndefined()
    expect(await files.list('/etc/runtime')).toEqual(['config'])
    expect(await files.list('/none')).toEqual([])
  })

  test('refuses what is no text', async () => {
    const full = await put(new Uint8Array([0xff, 0xfe, 0x7b, 0x00]))
    await expect(files.read(PATH)).rejects.toThrow(`${full}: is no text in UTF-8`)
    await put('x'.repeat(1024 * 1024 + 1))
    await expect(files.read(PATH)).rejects.toThrow('too large')
    await expect(files.read('/etc')).rejects.toThrow('is no file')
  })

  test('follows symbolic links, not out of its root', async () => {
    await put('x', '/srv/real')
    await mkdir(join(root, 'etc/runtime'), { recursive: true })
    await symlink('../../srv/real', join(root, PATH))
    expect(await files.read(PATH)).toBe('x')
    await symlink(tmpdir(), join(root, 'out'))
    await expect(files.read('/out/system-files-none')).rejects.toThrow(`leads out of ${root}`)
    await symlink('nowhere', join(root, 'dangling'))
    await expect(files.read('/dangling')).rejects.toThrow('symbolic link to nowhere')
  })
})

describe('writing', () => {
  test('makes a new file with its folders', async () => {
    expect(await files.write(change(undefined, 'new'))).toEqual({ kept: undefined })
    expect(await readFile(join(root, PATH), 'utf8')).toBe('new')
    expect((await stat(join(root, PATH))).mode & 0o777).toBe(0o644)
    expect(await names()).toEqual(['config'])
  })

  test('keeps what was there, with its mode, until it is there again', async () => {
    const full = await put('old')
    await chmod(full, 0o640)
    const { kept } = await files.write(change('old', 'new'))
    expect(kept).toBe(`${full}.before-ipfs-registry`)
    for (const path of [full, kept ?? '']) expect((await stat(path)).mode & 0o777).toBe(0o640)
    expect(await readFile(kept ?? '', 'utf8')).toBe('old')

    await files.write(change('new', 'old', 'old'))
    expect(await readFile(full, 'utf8')).toBe('old')
    expect(await names()).toEqual(['config'])
  })

  test('leaves a read-only file one', async () => {
    const full = await put('old')
    await chmod(full, 0o444)
    await files.write(change('old', 'new'))
    expect(await readFile(full, 'utf8')).toBe('new')
    expect((await stat(full)).mode & 0o777).toBe(0o444)
  })

  // Only root gives files away.
  const privileged = process.getuid?.() === 0 ? test : test.skip
  privileged('keeps the owner', async () => {
    const full = await put('old')
    await chown(full, 12345, 54321)
    const { kept } = await files.write(change('old', 'new'))
    for (const path of [full, kept ?? '']) expect(await stat(path)).toMatchObject({ uid: 12345, gid: 54321 })
  })

  test('keeps each text once', async () => {
    const full = await put('1')
    await files.write(change('1', '1+'))
    await files.write(change('1+', '1++', '1'))
    expect(await names()).toEqual(['config', 'config.before-ipfs-registry'])
    await writeFile(full, '2')
    expect((await files.write(change('2', '2+'))).kept).toBe(`${full}.before-ipfs-registry-2`)
    expect(await readFile(`${full}.before-ipfs-registry`, 'utf8')).toBe('1')
  })

  test('leaves a symbolic link one', async () => {
    const real = await put('old', '/srv/real')
    await mkdir(join(root, 'etc/runtime'), { recursive: true })
    await symlink('../../srv/real', join(root, PATH))
    await files.write(change('old', 'new'))
    expect((await lstat(join(root, PATH))).isSymbolicLink()).toBe(true)
    expect(await readFile(real, 'utf8')).toBe('new')
  })

  test('removes a file, and its folder if nothing else is in there', async () => {
    await put('x')
    await files.write({ ...change('x', undefined, undefined), withFolder: true })
    expect(await readdir(join(root, 'etc'))).toEqual([])
    await put('x')
    await put('y', '/etc/runtime/other')
    await files.write({ ...change('x', undefined, undefined), withFolder: true })
    expect(await names()).toEqual(['other'])
  })

  test('does nothing where nothing changes', async () => {
    await put('x')
    await files.write(change('x', 'x'))
    expect(await names()).toEqual(['config'])
  })

  test('refuses when the file is another one by now', async () => {
    const full = await put('theirs')
    await expect(files.write(change('old', 'new'))).rejects.toThrow('by somebody else')
    expect(await readFile(full, 'utf8')).toBe('theirs')
  })

  test('leaves nothing behind where it can not be written', async () => {
    await put('x', '/etc/runtime')
    await expect(files.write(change(undefined, 'new'))).rejects.toMatchObject({ code: 'RUNTIME_UNCHANGED' })
    expect(await readdir(join(root, 'etc'))).toEqual(['runtime'])
  })

  // Root writes where others may not.
  const unprivileged = process.getuid?.() === 0 ? test.skip : test
  unprivileged('says what to do without the right to', async () => {
    await put('old')
    await chmod(join(root, 'etc/runtime'), 0o555)
    await expect(files.write(change('old', 'new'))).rejects.toThrow(/can't be changed: .*\(run it as root\)/)
    await chmod(join(root, 'etc/runtime'), 0o755)
    expect(await names()).toEqual(['config'])
  })
})
