import { createHash } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { parseIndex } from '../../../src/layout/image-index.ts'
import { checkLayoutFile } from '../../../src/layout/layout-file.ts'
import { LayoutBuilder, TYPE } from '../../fixtures/layouts.ts'

const bytesOf = (document: unknown): Uint8Array =>
  Buffer.from(typeof document === 'string' ? document : JSON.stringify(document))

function failureOf(run: () => unknown): Failure {
  try {
    run()
  } catch (error) {
    if (error instanceof Failure) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('index.json', () => {
  test('gives its entries in order, its bytes and their digest', () => {
    const layout = new LayoutBuilder()
    const [a, b] = [layout.image({ content: 'a' }), layout.image({ content: 'b' })]
    layout.list(b, { ref: 'b', platform: 'linux/arm64', artifactType: 'x/y' }).list(a)
    const bytes = layout.indexJson()
    const index = parseIndex(bytes)
    expect(index.descriptors).toEqual([
      {
        ...b,
        artifactType: 'x/y',
        platform: { os: 'linux', architecture: 'arm64' },
        annotations: { 'org.opencontainers.image.ref.name': 'b' },
      },
      a,
    ])
    expect(index.bytes).toBe(bytes)
    expect(index.digest).toBe(`sha256:${createHash('sha256').update(bytes).digest('hex')}`)
  })

  test.each([undefined, '', TYPE.ociIndex, TYPE.dockerList])('mediaType %s', (mediaType) => {
    expect(parseIndex(bytesOf({ schemaVersion: 2, mediaType, manifests: [] })).descriptors).toEqual([])
  })

  test('keeps unknown media types and entries without one', () => {
    const digest = `sha256:${'a'.repeat(64)}`
    const manifests = [
      { mediaType: 'application/x-new', digest, size: 1 },
      { digest, size: 0 },
    ]
    const { descriptors } = parseIndex(bytesOf({ schemaVersion: 2, manifests }))
    expect(descriptors.map(({ mediaType }) => mediaType)).toEqual(['application/x-new', ''])
  })

  test('keeps of a platform its texts, and nothing too deep to be written again', () => {
    const texts = { os: 'windows', 'os.features': ['win32k'] }
    const platform = `{"os":"windows","os.features":["win32k"],"deep":${'['.repeat(50_000)}${']'.repeat(50_000)}}`
    const entry = `{"digest":"sha256:${'a'.repeat(64)}","size":1,"platform":${platform}}`
    const { descriptors } = parseIndex(Buffer.from(`{"schemaVersion":2,"manifests":[${entry}]}`))
    expect(descriptors[0]?.platform).toEqual(texts)
    expect(() => JSON.stringify(descriptors)).not.toThrow()
  })

  test('leaves out what has no usable digest or size, and fields of a wrong kind', () => {
    const good = { mediaType: TYPE.ociManifest, digest: `sha256:${'a'.repeat(64)}`, size: 3 }
    const manifests = [
      null,
      7,
      'text',
      [],
      {},
      { ...good, digest: 'sha256:short' },
      { ...good, digest: `sha256:${'A'.repeat(64)}` },
      { ...good, digest: `md5:${'a'.repeat(32)}` },
      { ...good, digest: `sha256:../../${'a'.repeat(58)}` },
      { ...good, digest: 5 },
      { ...good, size: '3' },
      { ...good, size: -1 },
      { ...good, size: 1.5 },
      { ...good, size: 1e300 },
      { ...good, mediaType: 5, platform: 'linux', annotations: ['a'], artifactType: {} },
      { ...good, annotations: { a: 'b', c: 5, __proto__: null } },
    ]
    expect(parseIndex(bytesOf({ schemaVersion: 2, manifests })).descriptors).toEqual([
      { mediaType: '', digest: good.digest, size: 3 },
      { ...good, annotations: { a: 'b' } },
    ])
  })

  test('an annotation called __proto__ is an annotation', () => {
    const text = `{"schemaVersion":2,"manifests":[{"digest":"sha256:${'a'.repeat(64)}","size":1,"annotations":{"__proto__":"x"}}]}`
    const { annotations } = parseIndex(bytesOf(text)).descriptors[0]!
    expect(Object.keys(annotations!)).toEqual(['__proto__'])
    expect(Object.getPrototypeOf(annotations)).toBe(Object.prototype)
  })

  test.each([
    ['', 'not a JSON object'],
    ['<html>', 'not a JSON object'],
    ['[]', 'not a JSON object'],
    ['null', 'not a JSON object'],
    ['{"schemaVersion":1,"manifests":[]}', 'schemaVersion'],
    ['{"manifests":[]}', 'schemaVersion'],
    ['{"schemaVersion":2}', 'no list of manifests'],
    ['{"schemaVersion":2,"manifests":{}}', 'no list of manifests'],
    [{ schemaVersion: 2, mediaType: TYPE.ociManifest, manifests: [] }, TYPE.ociManifest],
    ['['.repeat(200_000), 'not a JSON object'],
  ])('refuses %j', (document, why) => {
    const failure = failureOf(() => parseIndex(bytesOf(document)))
    expect(failure.code).toBe('NAME_UNKNOWN')
    expect(failure.message).toContain(why)
    expect(failure.message.length).toBeLessThan(300)
  })

  test('refuses bytes that are no UTF-8', () => {
    const text = bytesOf({ schemaVersion: 2, manifests: [], x: 'ä' })
    expect(failureOf(() => parseIndex(Buffer.from(Buffer.from(text).toString(), 'latin1'))).code).toBe(
      'NAME_UNKNOWN',
    )
  })
})

describe('oci-layout', () => {
  test('1.0.0', () => {
    expect(() => checkLayoutFile(bytesOf({ imageLayoutVersion: '1.0.0' }))).not.toThrow()
    expect(() => checkLayoutFile(bytesOf('{"imageLayoutVersion": "1.0.0", "more": 1}\n'))).not.toThrow()
  })

  test('another version is named', () => {
    expect(failureOf(() => checkLayoutFile(bytesOf({ imageLayoutVersion: '2.0.0' })))).toMatchObject({
      code: 'NAME_UNKNOWN',
      message: expect.stringContaining('2.0.0'),
    })
  })

  test.each(['', '{}', '[]', 'text', '{"imageLayoutVersion":1}'])('%j is none', (text) => {
    expect(failureOf(() => checkLayoutFile(bytesOf(text))).code).toBe('NAME_UNKNOWN')
  })
})
