import { describe, expect, test } from '@jest/globals'
import { tarFileOf, tarOf, tarSize } from '../../../src/export/tar.ts'
import type { TarFile } from '../../../src/export/tar.ts'
import { itemsIn } from '../../fixtures/archives.ts'

const { signal } = new AbortController()

/** The bytes of the archive, and what ended it. */
async function write(files: readonly TarFile[]): Promise<{ bytes: Buffer; error: unknown }> {
  const pieces: Buffer[] = []
  try {
    for await (const piece of tarOf(files, signal)) pieces.push(Buffer.from(piece))
    return { bytes: Buffer.concat(pieces), error: undefined }
  } catch (error) {
    return { bytes: Buffer.concat(pieces), error }
  }
}

test.each([0, 1, 511, 512, 513, 1024, 100_000])('a file of %d bytes is read back', async (size) => {
  const content = Buffer.alloc(size, 'content')
  const files = [tarFileOf('before', 'x'), tarFileOf('blobs/sha256/ab', content), tarFileOf('after', 'y')]
  const { bytes } = await write(files)
  expect((await itemsIn(bytes)).map(({ name, content }) => [name, content.toString()])).toEqual([
    ['before', 'x'],
    ['blobs/sha256/ab', content.toString()],
    ['after', 'y'],
  ])
  expect(bytes.length).toBe(tarSize(files))
})

test('says nothing of who made it and when', async () => {
  const { bytes } = await write([tarFileOf('a', 'a')])
  const [item] = await itemsIn(bytes)
  expect(item?.header).toMatchObject({
    mode: 0o644,
    uid: 0,
    gid: 0,
    mtime: new Date(0),
    uname: '',
    gname: '',
  })
})

test('a path longer than the field comes whole', async () => {
  const path = `blobs/sha512/${'0123456789abcdef'.repeat(8)}`
  const files = [tarFileOf(path, 'long'), tarFileOf('short', 's')]
  const { bytes } = await write(files)
  expect((await itemsIn(bytes)).map(({ name }) => name)).toEqual([path, 'short'])
  expect(bytes.length).toBe(tarSize(files))
})

test('a size larger than the field comes whole', async () => {
  const size = 9 * 1024 ** 3
  const archive = tarOf([{ path: 'large', size, open: () => never() }], signal)
  const { value: header } = await archive.next()
  const { extract } = await import('tar-stream')
  const extraction = extract()
  const seen = new Promise((resolve) => extraction.on('entry', (one) => resolve(one)))
  extraction.write(header as Uint8Array)
  expect(await seen).toMatchObject({ name: 'large', size })
  extraction.destroy()
})

describe('what fails ends within the file that failed', () => {
  const broken = (open: TarFile['open'], size = 10): TarFile[] => [
    tarFileOf('whole', 'x'),
    { path: 'broken', size, open },
    tarFileOf('after', 'y'),
  ]
  const whole = tarSize([tarFileOf('whole', 'x')]) - 1024

  test.each<[string, TarFile['open'], string]>([
    ['when it can not be opened', () => never(), 'not to be had'],
    ['when it is too short', () => pieces('short'), 'broken has not the 10 bytes'],
    ['when it is too long', () => pieces('0123456789', 'x'.repeat(1000)), 'broken has not the 10 bytes'],
  ])('%s', async (_, open, message) => {
    const { bytes, error } = await write(broken(open))
    expect(String(error)).toContain(message)
    // After the header of the broken one, and before the end of what it should have.
    expect(bytes.length).toBeGreaterThanOrEqual(whole + 512)
    expect(bytes.length).toBeLessThan(whole + 1024)
  })

  test('of an empty one nothing is written, as it would be whole', async () => {
    const { bytes, error } = await write(broken(() => never(), 0))
    expect(String(error)).toContain('not to be had')
    expect(bytes.length).toBe(whole)
  })
})

test('a file is opened when its turn has come', async () => {
  const opened: string[] = []
  const file = (path: string): TarFile => ({
    path,
    size: 1,
    open: () => {
      opened.push(path)
      return pieces('x')
    },
  })
  const archive = tarOf([file('a'), file('b')], signal)
  await archive.next()
  expect(opened).toEqual([])
  await archive.next()
  expect(opened).toEqual(['a'])
  await archive.return(undefined)
  expect(opened).toEqual(['a'])
})

async function* pieces(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text)
}

async function* never(): AsyncGenerator<Uint8Array> {
  throw new Error('not to be had')
}
