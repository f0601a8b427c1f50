import { describe, expect, test } from '@jest/globals'
import { childrenOf, parseManifest } from '../../../src/layout/manifest.ts'
import {
  isImageManifestType,
  isIndexType,
  isManifestType,
  isNonDistributableType,
  manifestMediaType,
} from '../../../src/layout/media-type.ts'
import { TYPE } from '../../fixtures/layouts.ts'

const descriptor = (fill: string, mediaType: string) => ({
  mediaType,
  digest: `sha256:${fill.repeat(64)}`,
  size: 10,
})
const config = descriptor('c', TYPE.ociConfig)
const layers = [descriptor('1', TYPE.ociLayer), descriptor('2', TYPE.ociLayer)]
const image = { schemaVersion: 2, config, layers }
const dockerImage = { ...image, config: descriptor('d', TYPE.dockerConfig) }
const index = { schemaVersion: 2, manifests: [descriptor('a', TYPE.ociManifest)] }

const parse = (document: unknown, stated?: string) =>
  parseManifest(Buffer.from(typeof document === 'string' ? document : JSON.stringify(document)), stated)

describe('media type', () => {
  test.each([
    [
      'its own, whatever the descriptor says',
      { ...image, mediaType: TYPE.dockerManifest },
      TYPE.ociIndex,
      TYPE.dockerManifest,
    ],
    ['its own, whatever its structure', { ...index, mediaType: TYPE.dockerList }, '', TYPE.dockerList],
    ["the descriptor's", image, TYPE.dockerManifest, TYPE.dockerManifest],
    ["the descriptor's, for an index", index, TYPE.dockerList, TYPE.dockerList],
    ['by structure: manifest', image, '', TYPE.ociManifest],
    ['by structure: docker manifest', dockerImage, '', TYPE.dockerManifest],
    ['by structure: index', index, '', TYPE.ociIndex],
    ['by structure where the descriptor can not be right', image, TYPE.ociIndex, TYPE.ociManifest],
    [
      'by structure where the descriptor can not be right, for an index',
      index,
      TYPE.ociManifest,
      TYPE.ociIndex,
    ],
    [
      'by structure where the descriptor names no manifest type',
      image,
      'application/octet-stream',
      TYPE.ociManifest,
    ],
    ['an empty one is none', { ...image, mediaType: '' }, '', TYPE.ociManifest],
    ['an empty index', { schemaVersion: 2, manifests: [] }, '', TYPE.ociIndex],
    ['an image without layers', { ...image, layers: [] }, '', TYPE.ociManifest],
  ])('%s', (_, document, stated, expected) => {
    expect(manifestMediaType(document, stated)).toBe(expected)
  })

  test.each([
    ['schema 1', { ...image, schemaVersion: 1, mediaType: TYPE.dockerManifest }],
    ['no schemaVersion', { config, layers, mediaType: TYPE.ociManifest }],
    ['a type of its own that is no manifest', { ...image, mediaType: 'application/vnd.example' }],
    ['a config', { os: 'linux', architecture: 'amd64', schemaVersion: 2 }],
    ['both image and index', { ...image, ...index }],
    ['layers alone', { schemaVersion: 2, layers }],
  ])('none: %s', (_, document) => {
    expect(manifestMediaType(document, '')).toBeUndefined()
    expect(manifestMediaType(document, TYPE.ociManifest)).toBeUndefined()
  })

  test('kinds', () => {
    const kinds = (type: string) => [isImageManifestType(type), isIndexType(type), isManifestType(type)]
    expect(kinds(TYPE.ociManifest)).toEqual([true, false, true])
    expect(kinds(TYPE.dockerManifest)).toEqual([true, false, true])
    expect(kinds(TYPE.ociIndex)).toEqual([false, true, true])
    expect(kinds(TYPE.dockerList)).toEqual([false, true, true])
    expect(kinds(TYPE.ociConfig)).toEqual([false, false, false])
    expect(kinds('')).toEqual([false, false, false])
  })

  test.each([
    ['application/vnd.oci.image.layer.nondistributable.v1.tar+gzip', true],
    ['application/vnd.docker.image.rootfs.foreign.diff.tar.gzip', true],
    [TYPE.ociLayer, false],
    [TYPE.dockerLayer, false],
  ])('%s may be missing: %s', (type, expected) => {
    expect(isNonDistributableType(type)).toBe(expected)
  })
})

describe('manifest', () => {
  test('of an image', () => {
    const manifest = parse({ ...image, annotations: { a: 'b' } })
    expect(manifest).toEqual({
      kind: 'image',
      mediaType: TYPE.ociManifest,
      config,
      layers,
      subject: undefined,
      artifactType: TYPE.ociConfig,
      annotations: { a: 'b' },
      problems: [],
    })
    expect(childrenOf(manifest!)).toEqual([config, ...layers])
  })

  test('of Docker', () => {
    expect(parse({ ...dockerImage, mediaType: TYPE.dockerManifest })).toMatchObject({
      kind: 'image',
      mediaType: TYPE.dockerManifest,
      problems: [],
    })
    expect(parse({ ...index, mediaType: TYPE.dockerList })).toMatchObject({ kind: 'index', problems: [] })
  })

  test('of an artifact', () => {
    const subject = descriptor('5', TYPE.ociManifest)
    expect(parse({ ...image, artifactType: 'x/y', subject })).toMatchObject({ artifactType: 'x/y', subject })
    expect(parse({ ...image, artifactType: '' })).toMatchObject({ artifactType: TYPE.ociConfig })
  })

  test('of an index', () => {
    const manifest = parse({ ...index, artifactType: 'x/y' })
    expect(manifest).toMatchObject({ kind: 'index', artifactType: 'x/y', manifests: index.manifests })
    expect(childrenOf(manifest!)).toEqual(index.manifests)
    expect(parse(index)).toMatchObject({ artifactType: undefined })
  })

  test('what is broken in it is left out and named', () => {
    const manifest = parse({
      ...image,
      config: { mediaType: TYPE.ociConfig },
      layers: [layers[0], { ...layers[1], size: -1 }, null],
      subject: {},
    })
    expect(manifest).toMatchObject({ config: undefined, layers: [layers[0]], subject: undefined })
    expect(manifest?.problems).toEqual([
      'subject is no descriptor',
      'config is no descriptor',
      'layers[1] is no descriptor',
      'layers[2] is no descriptor',
    ])
    expect(parse({ schemaVersion: 2, mediaType: TYPE.ociManifest })?.problems).toEqual([
      'config is no descriptor',
      'layers is no list',
    ])
    expect(parse({ schemaVersion: 2, mediaType: TYPE.ociIndex })?.problems).toEqual(['manifests is no list'])
  })

  test.each(['', 'text', '[]', 'null', '{}', '{"os":"linux"}', '\u0000', '{"schemaVersion":2}'])(
    '%j is none',
    (text) => {
      expect(parse(text, TYPE.ociManifest)).toBeUndefined()
    },
  )
})
