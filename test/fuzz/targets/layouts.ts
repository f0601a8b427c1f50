import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import type { Failure } from '../../../src/errors.ts'
import { ANNOTATION } from '../../../src/layout/annotation.ts'
import { parseDescriptor } from '../../../src/layout/descriptor.ts'
import { nameOf } from '../../../src/layout/entry-name.ts'
import { parseIndex } from '../../../src/layout/image-index.ts'
import { IndexDocument } from '../../../src/layout/index-document.ts'
import { childrenOf, parseManifest } from '../../../src/layout/manifest.ts'
import { isManifestType } from '../../../src/layout/media-type.ts'
import { buildReferrers, referrersIn } from '../../../src/layout/referrers.ts'
import { listTags, selectTag } from '../../../src/layout/tags.ts'
import { isDigest } from '../../../src/reference/digest.ts'
import { isTag } from '../../../src/reference/tag.ts'
import { readerOf } from '../../fixtures/layouts.ts'
import { mutated } from '../inputs/bytes.ts'
import { anyJson, distorted } from '../inputs/json.ts'
import {
  bytesOf,
  descriptors,
  entryName,
  indexDocument,
  layoutFiles,
  manifestBytes,
} from '../inputs/layouts.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { attempt, attemptLater, refused } from '../verdict.ts'

const { signal } = new AbortController()
const documents = fc.constantFrom(...manifestBytes).map((bytes) => JSON.parse(parsable(bytes)) as unknown)
const manifests = fc.oneof(
  { weight: 3, arbitrary: distorted(documents).map(bytesOf) },
  { weight: 1, arbitrary: mutated(fc.constantFrom(...manifestBytes)) },
)
const indexes = fc.oneof(
  { weight: 3, arbitrary: distorted(indexDocument).map(bytesOf) },
  { weight: 1, arbitrary: mutated(indexDocument.map(bytesOf)) },
)
const change = fc.oneof(
  fc.tuple(
    fc.constant('with'),
    fc.nat({ max: 6 }),
    fc.uniqueArray(fc.constantFrom('v1', 'v2', 'v3', 'latest'), { maxLength: 3 }),
  ),
  fc.tuple(fc.constant('untag'), fc.constant(0), fc.constantFrom(['v1'], ['v2'], ['latest'])),
  fc.tuple(fc.constant('without'), fc.nat({ max: 6 }), fc.constant([])),
)

/** index.json, manifests, and what tags mean in them. */
export const layouts = pureTarget('layouts', 500, [
  law(
    'a manifest is read as what its JSON says, or not at all',
    fc.tuple(manifests, fc.constantFrom('', ...descriptors.map(({ mediaType }) => mediaType))),
    ([bytes, stated]) => {
      const manifest = parseManifest(bytes, stated)
      if (manifest === undefined) return
      ok(isManifestType(manifest.mediaType))
      const document = JSON.parse(Buffer.from(bytes).toString()) as {
        mediaType?: unknown
        schemaVersion: unknown
      }
      equal(document.schemaVersion, 2)
      if (typeof document.mediaType === 'string' && document.mediaType !== '')
        equal(manifest.mediaType, document.mediaType)
      for (const { digest, size } of childrenOf(manifest)) {
        ok(isDigest(digest))
        ok(Number.isSafeInteger(size) && size >= 0)
      }
    },
  ),
  law('a descriptor read is one that reads the same', anyJson, (value) => {
    const descriptor = parseDescriptor(value)
    if (descriptor !== undefined)
      equal(JSON.stringify(parseDescriptor(descriptor)), JSON.stringify(descriptor))
  }),
  law(
    'every tag that is listed leads somewhere, and no other does',
    fc.tuple(
      indexes,
      fc.oneof(fc.constant(''), fc.constantFrom('app', 'library/app', 'team/app')),
      entryName,
    ),
    async ([bytes, hint, tag]) => {
      const index = attempt(() => parseIndex(bytes), 'NAME_UNKNOWN')
      if (refused(index)) return
      const reader = readerOf(layoutFiles)
      const tags = await listTags(index, hint, reader, { signal })
      deepEqual(tags, [...new Set(tags)].sort())
      ok(tags.every(isTag))
      for (const wanted of new Set([...tags, tag, 'latest'])) {
        const found = await attemptLater(
          () => selectTag(index, wanted, hint, reader, { signal }),
          'MANIFEST_UNKNOWN',
        )
        if (refused(found)) {
          const several = index.descriptors.length > 1 && hint === ''
          ok(
            !tags.includes(wanted) || several || isAmbiguous(found),
            `"${wanted}" is listed and leads nowhere`,
          )
        } else ok(isManifestType(found.mediaType) || found.mediaType === '')
      }
    },
    { kept: [[indexNaming('docker.io/library/other:v1', 'v1'), 'app', 'v1']] },
  ),
  law(
    'referrers are what refers, whatever the layout',
    indexes,
    async (bytes) => {
      const index = attempt(() => parseIndex(bytes), 'NAME_UNKNOWN')
      if (refused(index)) return
      const found = await buildReferrers(index, readerOf(layoutFiles), { signal })
      for (const { digest } of descriptors) {
        for (const referrer of referrersIn(found, digest)) ok(isDigest(referrer.digest))
      }
    },
    { share: 0.5 },
  ),
  law(
    'an index that is changed is what a map of tags would be',
    fc.tuple(indexes, fc.array(change, { maxLength: 8 })),
    ([bytes, changes]) => {
      const start = attempt(() => IndexDocument.parse(bytes), 'NAME_UNKNOWN')
      if (refused(start)) return
      let tags = parseIndex(bytes).descriptors.flatMap((descriptor): Tagged[] => {
        const { tag } = nameOf(descriptor)
        return tag === undefined ? [] : [[tag, descriptor.digest]]
      })
      let document = start
      for (const [kind, at, named] of changes) {
        const descriptor = descriptors[at] ?? descriptors[0]
        if (descriptor === undefined) continue
        if (kind === 'with') {
          document = document.with(descriptor, named)
          tags = tags.filter(([tag]) => !named.some((one) => one === tag))
          tags.push(...named.map((tag): Tagged => [tag, descriptor.digest]))
          ok(document.has(descriptor.digest))
        } else if (kind === 'untag') {
          const [tag = ''] = named
          const before = document.find(tag)
          document = document.withoutTag(tag)
          tags = tags.filter(([one]) => one !== tag)
          if (before !== undefined) ok(document.has(before.digest), 'a manifest is lost with its tag')
        } else {
          document = document.without(descriptor.digest)
          tags = tags.filter(([, digest]) => digest !== descriptor.digest)
          ok(!document.has(descriptor.digest))
        }
        agree(document, tags)
        const again = IndexDocument.parse(document.toBytes())
        agree(again, tags)
        equal(Buffer.from(again.toBytes()).toString(), Buffer.from(document.toBytes()).toString())
      }
    },
    { kept: [[indexNaming('v2', 'team/app:v2'), [['untag', 0, ['v1']]]]] },
  ),
])

/** An index.json with two images of these names. */
function indexNaming(...names: readonly string[]): Uint8Array {
  const entries = names.map((name, at) => ({
    ...descriptors[at],
    annotations: { [ANNOTATION.refName]: name },
  }))
  return bytesOf({ schemaVersion: 2, manifests: entries })
}

/** A tag, and the digest that it leads to unless a later one of the same name does. */
type Tagged = [tag: string, digest: string]

function agree(document: IndexDocument, tags: readonly Tagged[]): void {
  const last = new Map(tags)
  deepEqual([...document.tags], [...last.keys()].sort())
  for (const [tag, digest] of last) equal(document.find(tag)?.digest, digest)
}

function isAmbiguous(failure: Failure): boolean {
  return failure.message.startsWith('several images')
}

function parsable(bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  return text.startsWith('{') || text.startsWith('[') ? text : '{}'
}
