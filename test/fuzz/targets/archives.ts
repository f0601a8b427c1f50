import { createHash } from 'node:crypto'
import { deepEqual, equal, ok } from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { entryPath, linkTarget } from '../../../src/publish/archive/entry-path.ts'
import { ARCHIVE_LIMITS } from '../../../src/publish/archive/limits.ts'
import { readArchive, type ArchiveSource } from '../../../src/publish/archive/read-archive.ts'
import { createPublisher } from '../../../src/publish/publish-layouts.ts'
import { memoryTarget, type MemoryTarget } from '../../fixtures/memory-target.ts'
import { archives as inputs } from '../inputs/archives.ts'
import { inPieces, pieceSizes } from '../inputs/bytes.ts'
import { tarBytes } from '../../fixtures/tar-bytes.ts'
import { textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import type { Target } from '../target.ts'
import { attempt, attemptLater, refused } from '../verdict.ts'
import { filesBelow } from '../unixfs-model.ts'

const { signal } = new AbortController()
const path = textOf(['a', 'b', '/', '/', '..', '.', '../', './'], 8)

/** Archives as `publish` takes them. */
export const archives: Target = {
  name: 'archives',
  quick: 120,
  async open() {
    const workDir = await mkdtemp(join(tmpdir(), 'fuzz-archives-'))
    const file = join(workDir, 'archive')
    const limits = { ...ARCHIVE_LIMITS, maxBytes: 2 ** 20, freeBytes: 2 ** 16, maxEntries: 40 }
    const read = (source: ArchiveSource) =>
      attemptLater(
        () => readArchive(source, { workDir, limits, signal, onBytes: () => undefined }),
        'LAYOUT_INVALID',
      )
    return {
      laws: [
        law(
          'an archive that is taken is the same from a file and from a pipe',
          fc.tuple(inputs, pieceSizes),
          async ([bytes, sizes]) => {
            await writeFile(file, bytes)
            const outcomes: unknown[] = []
            for (const source of [{ path: file, size: bytes.length }, { stream: streamOf(bytes, sizes) }]) {
              const archive = await read(source)
              if (refused(archive)) outcomes.push('refused')
              else {
                const found: unknown[] = []
                for (const [name, one] of archive.files) {
                  const content = await bytesOf(one.open(signal))
                  equal(one.digests[0], digestOf(content), `${name} is not what it was when it was read`)
                  found.push([name, content.length, one.digests[0]])
                }
                outcomes.push(found)
                await archive.dispose()
              }
            }
            // Some nonsense is refused or not as its bytes come in these pieces or those.
            if (!outcomes.includes('refused')) deepEqual(outcomes[0], outcomes[1])
          },
        ),
        law(
          'what is published holds what its digests say',
          inputs,
          async (bytes) => {
            const target = memoryTarget()
            const publisher = createPublisher({ target, workDir, archiveLimits: limits })
            const input = { kind: 'stream', stream: streamOf(bytes, [4096]) } as const
            const published = await attemptLater(
              () => publisher.publish({ input, signal }),
              'LAYOUT_INVALID',
              'NAME_INVALID',
            )
            if (refused(published)) return
            ok(published.layouts.length > 0)
            checkBlobs(target, published.root)
          },
          { kept: [tarBytes([{ name: 'x', content: Buffer.from('y'), size: '00000100000 ' }])] },
        ),
        law(
          'a compressed archive grows no further than it may',
          fc.tuple(fc.integer({ min: 1, max: 12 }), fc.nat({ max: 255 })),
          async ([size, byte]) => {
            const bomb = tarBytes([{ name: 'layer.tar', content: Buffer.alloc(size * 2 ** 18, byte) }])
            const archive = await read({ stream: streamOf(gzipSync(bomb), [1000]) })
            ok(refused(archive), `${bomb.length} bytes were taken`)
          },
          { share: 0.02 },
        ),
        law(
          'no path leads out of an archive',
          fc.tuple(path, path),
          ([folder, name]) => {
            const outcomes = [
              attempt(() => entryPath(name), 'LAYOUT_INVALID'),
              attempt(() => linkTarget('a/b', name), 'LAYOUT_INVALID'),
              attempt(() => entryPath(folder), 'LAYOUT_INVALID'),
            ]
            for (const inside of outcomes) {
              if (refused(inside) || inside === '') continue
              ok(
                inside.split('/').every((part) => !['', '.', '..'].includes(part)),
                inside,
              )
            }
          },
          { share: 4 },
        ),
      ],
      close: () => rm(workDir, { recursive: true, force: true }),
    }
  },
}

/** Every file at `blobs/<algorithm>/<hex>` below the root has that digest. */
function checkBlobs(target: MemoryTarget, root: string): void {
  const blobs = [...filesBelow(target.stored, CID.parse(root))].filter(([name]) => name.includes('blobs/'))
  ok(blobs.length > 0)
  for (const [name, bytes] of blobs) {
    const [, algorithm = '', hex] = /blobs\/(\w+)\/(\w+)$/.exec(name) ?? []
    equal(createHash(algorithm).update(bytes).digest('hex'), hex)
  }
}

async function* streamOf(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  for (const piece of inPieces(bytes, sizes)) yield Buffer.from(piece)
}

async function bytesOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(Uint8Array.from(piece))
  return Buffer.concat(all)
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
