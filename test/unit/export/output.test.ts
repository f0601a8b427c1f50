import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { checkOutput, writeOutput } from '../../../src/export/output.ts'
import { tarFileOf, tarOf } from '../../../src/export/tar.ts'
import { CapturedStream } from '../../fixtures/captured-stream.ts'
import { inTemporaryFolder } from '../../fixtures/folders.ts'

const { signal } = new AbortController()

/** Pieces in one buffer, which is overwritten when the next is asked for, as those of a pool are. */
async function* lent(...texts: string[]): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.alloc(64)
  for (const text of texts) {
    yield bytes.subarray(0, bytes.write(text))
    bytes.fill('!')
  }
}

async function* failing(...texts: string[]): AsyncGenerator<Uint8Array> {
  yield* lent(...texts)
  throw new Failure('CONTENT_UNAVAILABLE', 'the source has gone')
}

const archive = () =>
  tarOf([tarFileOf('index.json', '{}'), tarFileOf('blobs/sha256/ab', 'a'.repeat(2000))], signal)

/** Pieces of an archive in one buffer. */
async function* lentArchive(): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.alloc(4096)
  for await (const piece of archive()) {
    bytes.set(piece)
    yield bytes.subarray(0, piece.length)
    bytes.fill('!')
  }
}

describe('a file', () => {
  test('has its name when it is whole, and only then', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'a.car')
      async function* watched(): AsyncGenerator<Uint8Array> {
        yield* lent('one ', 'two')
        expect(await readdir(folder)).toEqual([expect.stringMatching(/^a\.car\.[0-9a-f]+\.partial$/)])
      }
      await writeOutput({ kind: 'file', path }, watched(), signal)
      expect(await readdir(folder)).toEqual(['a.car'])
      expect(await readFile(path, 'utf8')).toBe('one two')
    })
  })

  test('takes the place of another, which stays when it fails', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'a.car')
      await writeFile(path, 'before')
      await checkOutput({ kind: 'file', path })
      const broken = writeOutput({ kind: 'file', path }, failing('half'), signal)
      await expect(broken).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
      expect(await readFile(path, 'utf8')).toBe('before')
      expect(await readdir(folder)).toEqual(['a.car'])
      await writeOutput({ kind: 'file', path }, lent('after'), signal)
      expect(await readFile(path, 'utf8')).toBe('after')
    })
  })

  test('leaves nothing when it is broken off', async () => {
    await inTemporaryFolder(async (folder) => {
      const abort = new AbortController()
      const reason = new Error('enough')
      async function* interrupted(): AsyncGenerator<Uint8Array> {
        yield* lent('half')
        abort.abort(reason)
        abort.signal.throwIfAborted()
      }
      const output = { kind: 'file', path: join(folder, 'a.car') } as const
      await expect(writeOutput(output, interrupted(), abort.signal)).rejects.toBe(reason)
      expect(await readdir(folder)).toEqual([])
    })
  })

  test('in a folder that is not there is told', async () => {
    const output = { kind: 'file', path: '/there/is/nothing/a.car' } as const
    await checkOutput(output)
    await expect(writeOutput(output, lent('x'), signal)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('/there/is/nothing/a.car'),
    })
  })

  test.each(['/dev/null', '/'])('does not take the place of %s', async (path) => {
    await expect(checkOutput({ kind: 'file', path })).rejects.toMatchObject({ code: 'OUTPUT_FAILED' })
  })
})

describe('a folder', () => {
  test('has the files of the archive', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'app')
      await checkOutput({ kind: 'folder', path })
      await writeOutput({ kind: 'folder', path: `${path}/` }, lentArchive(), signal)
      expect(await readdir(folder)).toEqual(['app'])
      expect(await readFile(join(path, 'index.json'), 'utf8')).toBe('{}')
      expect(await readFile(join(path, 'blobs/sha256/ab'), 'utf8')).toBe('a'.repeat(2000))
    })
  })

  test('may be there, if it is empty', async () => {
    await inTemporaryFolder(async (folder) => {
      const path = join(folder, 'app')
      await mkdir(path)
      await checkOutput({ kind: 'folder', path })
      await writeOutput({ kind: 'folder', path }, archive(), signal)
      await expect(checkOutput({ kind: 'folder', path })).rejects.toMatchObject({
        code: 'OUTPUT_FAILED',
        message: expect.stringContaining('exists already'),
      })
      await expect(checkOutput({ kind: 'folder', path: join(path, 'index.json') })).rejects.toMatchObject({
        code: 'OUTPUT_FAILED',
      })
    })
  })

  test('leaves nothing when it fails', async () => {
    await inTemporaryFolder(async (folder) => {
      async function* broken(): AsyncGenerator<Uint8Array> {
        let bytes = 0
        for await (const piece of archive()) {
          yield piece
          bytes += piece.length
          if (bytes > 1536) throw new Failure('CONTENT_INVALID', 'the blob is damaged')
        }
      }
      const failed = writeOutput({ kind: 'folder', path: join(folder, 'app') }, broken(), signal)
      await expect(failed).rejects.toMatchObject({ code: 'CONTENT_INVALID', message: 'the blob is damaged' })
      expect(await readdir(folder)).toEqual([])
    })
  })
})

describe('a stream', () => {
  test('gets the bytes, and stays open', async () => {
    const stream = new CapturedStream()
    await writeOutput({ kind: 'stream', stream }, lent('one ', 'two'), signal)
    expect(stream.writableEnded).toBe(false)
    expect(stream.text).toBe('one two')
  })

  test('is waited for before more is asked for', async () => {
    const taken: (() => void)[] = []
    const stream = new Writable({ write: (_chunk, _encoding, done) => void taken.push(done) })
    let asked = 0
    async function* counted(): AsyncGenerator<Uint8Array> {
      for (; asked < 3; asked += 1) yield Buffer.from('piece')
    }
    const writing = writeOutput({ kind: 'stream', stream }, counted(), signal)
    for (let round = 0; round < 3; round += 1) {
      while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve))
      expect(asked).toBe(round)
      taken.pop()?.()
    }
    await writing
  })

  test('that nobody reads any more is a failure', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) })
    await expect(writeOutput({ kind: 'stream', stream }, lent('x', 'y'), signal)).rejects.toMatchObject({
      code: 'OUTPUT_FAILED',
      message: expect.stringContaining('EPIPE'),
    })
  })

  test('that takes nothing is left when the user wants an end', async () => {
    const abort = new AbortController()
    const reason = new Error('enough')
    const stream = new Writable({ write: () => abort.abort(reason) })
    await expect(writeOutput({ kind: 'stream', stream }, lent('x', 'y'), abort.signal)).rejects.toBe(reason)
  })

  test('gets nothing more after the end was wanted', async () => {
    const stream = new CapturedStream()
    const reason = new Error('enough')
    const writing = writeOutput({ kind: 'stream', stream }, lent('x'), AbortSignal.abort(reason))
    await expect(writing).rejects.toBe(reason)
    expect(stream.text).toBe('')
  })
})
