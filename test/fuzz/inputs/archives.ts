import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { dockerArchive, itemsOf, podmanArchive, type ArchiveItem } from '../../fixtures/archives.ts'
import { LayoutBuilder } from '../../fixtures/layouts.ts'
import { mutated } from './bytes.ts'
import { distorted } from './json.ts'
import { bytesOf } from './layouts.ts'
import { headersOf, paxRecord, tarBytes, withChecksums, type TarItem } from '../../fixtures/tar-bytes.ts'
import { textOf } from './text.ts'

const layer = tarBytes([{ name: 'file', content: Buffer.from('text') }])
const layers = [layer, gzipSync(layer)]
const [plain = layer, packed = layer] = layers
const saved = {
  layers: [plain, packed],
  diffIds: [digest(plain), digest(plain)],
  repoTags: ['docker.io/library/app:v1', 'app:v2'],
}
const layout = new LayoutBuilder()
layout.list(layout.image(), { ref: 'v1' }).list(layout.multiPlatform(['linux/amd64', 'linux/arm64']).index, {
  name: 'docker.io/library/other:v2',
})

const sound: readonly (readonly TarItem[])[] = [
  dockerArchive([saved]),
  podmanArchive([saved, { layers: [plain] }]),
  itemsOf(layout.files()),
].map((items) => items.map(tarItem))

function tarItem({ name, content = '', type, linkname }: ArchiveItem): TarItem {
  const kind = type === 'directory' ? '5' : type === 'symlink' ? '2' : '0'
  return { name, content: Buffer.from(content), type: kind, link: linkname ?? '' }
}

const path = textOf(
  ['blobs/', 'sha256/', 'a', 'index.json', 'oci-layout', 'manifest.json', '../', './', '/', 'layer.tar'],
  5,
)
const size = textOf(
  ['0', '1', '7', '9', '-', ' ', '\0', '77777777777', '\x80\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00', '\xff'],
  3,
)
const odd: fc.Arbitrary<TarItem> = fc.oneof(
  fc.record(
    {
      name: path,
      content: fc.uint8Array({ maxLength: 600 }),
      type: fc.constantFrom('0', '\0', '1', '2', '3', '5', '6', '7', 'x', 'g', 'L', 'K', 'Z', 'S'),
      link: path,
      size,
      magic: fc.constantFrom('ustar', 'ustar ', ''),
    },
    { requiredKeys: ['name', 'content'], noNullPrototype: true },
  ),
  fc.record(
    {
      name: fc.constantFrom('PaxHeader/x', 'x'),
      type: fc.constantFrom('x', 'g'),
      content: fc
        .array(
          fc.tuple(
            fc.constantFrom('path', 'linkpath', 'size', 'mtime', '__proto__', 'x'),
            fc.oneof(path, size),
          ),
          { maxLength: 3 },
        )
        .map((records) => Buffer.concat(records.map(([key, value]) => paxRecord(key, value)))),
    },
    { noNullPrototype: true },
  ),
)

const json = /\.json$|^[0-9a-f]{64}$/
/** The entries of an archive of images, some of them changed, left out, or joined by others. */
const items: fc.Arbitrary<readonly TarItem[]> = fc
  .tuple(
    fc.constantFrom(...sound),
    fc.array(fc.tuple(fc.nat({ max: 40 }), odd), { maxLength: 2 }),
    fc.option(fc.nat({ max: 40 })),
  )
  .map(([whole, added, removed]) => {
    const kept = whole.filter((_item, at) => removed === null || at !== removed % whole.length)
    for (const [at, item] of added) kept.splice(at % (kept.length + 1), 0, item)
    return kept
  })
  .chain((list) => {
    const documents = list.flatMap((item, at) => (json.test(item.name) && isJson(item.content) ? [at] : []))
    if (documents.length === 0) return fc.constant(list)
    return fc
      .tuple(fc.constantFrom(...documents), fc.constantFrom('as it is', 'distorted'))
      .chain(([at, how]) => {
        const item = list[at]
        if (item === undefined || how === 'as it is') return fc.constant(list)
        return distorted(fc.constant(JSON.parse(Buffer.from(item.content).toString()) as unknown)).map(
          (document) =>
            list.map((one, index) => (index === at ? { ...one, content: bytesOf(document) } : one)),
        )
      })
  })

/** Archives of images that deserve their checksums, and what is left of them after changes. */
export const archives: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: items.map((list) => tarBytes(list)) },
  {
    weight: 2,
    arbitrary: items.chain((list) =>
      mutated(fc.constant(tarBytes(list))).map((bytes) => withChecksums(bytes, headersOf(list))),
    ),
  },
  { weight: 1, arbitrary: mutated(items.map((list) => tarBytes(list, false))) },
  { weight: 1, arbitrary: mutated(items.map((list) => gzipSync(tarBytes(list)))) },
)

function isJson(content: Uint8Array): boolean {
  try {
    JSON.parse(Buffer.from(content).toString())
    return true
  } catch {
    return false
  }
}

function digest(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
