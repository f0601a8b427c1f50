import fc from 'fast-check'
import { ANNOTATION } from '../../../src/layout/annotation.ts'
import { LayoutBuilder, TYPE } from '../../fixtures/layouts.ts'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { anyJson } from './json.ts'
import { textOf } from './text.ts'

/** Names of entries as producers write them, and as none would. */
export const entryName: fc.Arbitrary<string> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom('v1', 'v2', 'latest', 'docker.io/library/app:v1', 'team/app:v2', 'team/app'),
  },
  { weight: 1, arbitrary: textOf(['app', ':', '/', 'v1', '@sha256:', 'latest', 'localhost:5000/'], 5) },
)

const built = new LayoutBuilder()
const images = ['a', 'b', 'c'].map((content) => built.image({ content }))
const [first] = images
const indexes = [
  built.index(images),
  built.index(images.slice(1), { docker: true }),
  built.index([built.index(images)], { subject: first as Descriptor }),
  built.index([]),
]
const attached = [
  built.artifact('text/x', first),
  built.attestation(first as Descriptor),
  built.artifact('text/y', undefined),
]
const others = [
  built.blob('not json', TYPE.ociManifest),
  built.blob('{}', ''),
  built.blob('[]', TYPE.ociIndex),
]
/** Of nothing that is there. */
const absent = {
  mediaType: TYPE.ociManifest,
  digest: `sha256:${'0'.repeat(64)}`,
  size: 5,
} as unknown as Descriptor

/** Blobs that the entries of {@link indexJson} may name. */
export const layoutFiles = built.files()
export const descriptors: readonly Descriptor[] = [...images, ...indexes, ...attached, ...others, absent]
/** Bytes of manifests of all kinds. */
export const manifestBytes: readonly Uint8Array[] = descriptors.flatMap(
  ({ digest }) => layoutFiles.get(`blobs/${digest.replace(':', '/')}`) ?? [],
)

const annotations = fc.record(
  {
    [ANNOTATION.refName]: entryName,
    [ANNOTATION.imageName]: entryName,
    [ANNOTATION.cosignKind]: fc.constantFrom(
      'dev.cosignproject.cosign/image',
      'dev.cosignproject.cosign/sigs',
    ),
    [ANNOTATION.manifestSubject]: fc.constantFrom(...images.map(({ digest }) => digest)),
  },
  { requiredKeys: [], noNullPrototype: true },
)

const entry = fc
  .record(
    {
      descriptor: fc.constantFrom(...descriptors),
      annotations,
      mediaType: fc.constantFrom('as it is', 'as it is', 'none'),
    },
    { noNullPrototype: true },
  )
  .map(({ descriptor, annotations: named, mediaType }) => {
    const { mediaType: own, ...rest } = descriptor
    return {
      ...rest,
      ...(mediaType === 'none' ? {} : { mediaType: own }),
      annotations: { ...rest.annotations, ...named },
    }
  })

/** An index.json as some tool may have written it. */
export const indexDocument: fc.Arbitrary<unknown> = fc
  .array(fc.oneof({ weight: 9, arbitrary: entry }, { weight: 1, arbitrary: anyJson }), { maxLength: 6 })
  .map((manifests) => ({ schemaVersion: 2, mediaType: TYPE.ociIndex, manifests }))

/** JSON as UTF-8. */
export function bytesOf(document: unknown): Uint8Array {
  return Buffer.from(JSON.stringify(document) ?? 'null')
}
