import { renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { watchFiles } from '../../../src/http/watched-files.ts'
import { until } from '../../fixtures/blob-store.ts'

let folder: string
let path: string
let changes: number
let end: () => void

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'watched-files-'))
  path = join(folder, 'file')
  changes = 0
  end = () => undefined
})

afterEach(async () => {
  end()
  await rm(folder, { recursive: true })
})

function watch(...files: string[]): void {
  end = watchFiles(files, () => void (changes += 1), 20)
}

test.each([
  ['written', () => writeFileSync(path, 'three')],
  ['gone', () => rmSync(path)],
  [
    'another',
    () => {
      writeFileSync(`${path}.new`, 'two')
      renameSync(`${path}.new`, path)
    },
  ],
])('a file that is %s in the next moment has changed', async (_, change) => {
  writeFileSync(path, 'one')
  watch(path)
  change()
  await until(() => changes === 1)
})

test('a file that was not there, and one behind a link, are seen as well', async () => {
  const [one, two, link] = [join(folder, 'one'), join(folder, 'two'), join(folder, 'link')]
  writeFileSync(one, '1')
  symlinkSync('one', link)
  watch(path, link)
  writeFileSync(path, 'here')
  await until(() => changes === 1)
  writeFileSync(two, '2')
  symlinkSync('two', `${link}.new`)
  renameSync(`${link}.new`, link)
  await until(() => changes === 2)
})

test('nothing is told of files that stay as they are, nor when it has ended', async () => {
  writeFileSync(path, 'one')
  const other = join(folder, 'other')
  watch(path)
  const last = watchFiles([other], () => void (changes += 100), 20)
  end()
  writeFileSync(path, 'two')
  writeFileSync(other, 'two')
  await until(() => changes >= 100)
  last()
  expect(changes).toBe(100)
})
