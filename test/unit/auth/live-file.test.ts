import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { LiveFile } from '../../../src/auth/live-file.ts'
import { until } from '../../fixtures/blob-store.ts'

describe('a file that is read again when it changes', () => {
  let folder: string
  let path: string
  let lines: string[]
  let file: LiveFile<string> | undefined
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'live-file-'))
    path = join(folder, 'file')
    lines = []
  })
  afterEach(async () => {
    file?.close()
    file = undefined
    await rm(folder, { recursive: true })
  })

  const open = async (at = path): Promise<LiveFile<string>> => {
    file = await LiveFile.open({
      path: at,
      what: 'the file',
      parse: (text) => {
        if (text.includes('broken')) throw new Error('it is broken')
        return text
      },
      log: (level, message) => void lines.push(`${level} ${message}`),
      interval: 20,
    })
    return file
  }

  test('has what it says, whatever way it changes', async () => {
    await writeFile(path, 'one')
    const file = await open()
    expect(file.value).toBe('one')
    await writeFile(path, 'two')
    await until(() => file.value === 'two')
    await writeFile(`${path}.new`, 'three')
    await rename(`${path}.new`, path)
    await until(() => file.value === 'three')
    expect(lines).toEqual(Array(2).fill(`info the file ${path} was read again`))
  })

  test('may be a link to a link, as Kubernetes has them', async () => {
    for (const name of ['a', 'b']) {
      await mkdir(join(folder, name))
      await writeFile(join(folder, name, 'file'), name)
    }
    await symlink('a', join(folder, 'data'))
    await symlink('data/file', path)
    const file = await open()
    expect(file.value).toBe('a')
    await symlink('b', join(folder, 'data.new'))
    await rename(join(folder, 'data.new'), join(folder, 'data'))
    await until(() => file.value === 'b')
  })

  test('stays what it was while it is broken or gone', async () => {
    await writeFile(path, 'one')
    const file = await open()
    await writeFile(path, 'broken')
    await until(() => lines.length === 1)
    await rm(path)
    await until(() => lines.length === 2)
    expect(lines).toEqual([
      expect.stringMatching(
        /^error the file \S+ could not be read: it is broken\nthe one before it stays in force$/,
      ),
      expect.stringMatching(/^error the file \S+ could not be read: ENOENT/),
    ])
    expect(file.value).toBe('one')
    await writeFile(path, 'two')
    await until(() => file.value === 'two')
  })

  test('must be there and sound at the start', async () => {
    await expect(open()).rejects.toMatchObject({ code: 'SETTINGS_INVALID', message: /ENOENT/ })
    await writeFile(path, 'broken')
    await expect(open()).rejects.toMatchObject({ code: 'SETTINGS_INVALID', message: /it is broken/ })
    await writeFile(path, Buffer.alloc(4 * 2 ** 20 + 1))
    await expect(open()).rejects.toMatchObject({ message: /4194305 bytes; 4194304 are allowed/ })
  })
})
