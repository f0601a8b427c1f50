import { describe, expect, test } from '@jest/globals'
import type { Descriptor } from '../../../src/layout/descriptor.ts'
import { MEDIA_TYPE } from '../../../src/layout/descriptor.ts'
import { IndexDocument } from '../../../src/layout/index-document.ts'
import type { Digest } from '../../../src/reference/digest.ts'

const digestOf = (letter: string): Digest => `sha256:${letter.repeat(64)}` as Digest
const manifest = (letter: string): Descriptor => ({
  mediaType: MEDIA_TYPE.ociManifest,
  digest: digestOf(letter),
  size: 100,
})

const a = manifest('a')
const b = manifest('b')

interface Written {
  manifests: { digest: string; annotations?: Record<string, string> }[]
}

const written = (index: IndexDocument): Written =>
  JSON.parse(Buffer.from(index.toBytes()).toString()) as Written

const listed = (index: IndexDocument): string[] =>
  written(index).manifests.map(
    ({ digest, annotations }) =>
      `${digest.at(-1)} ${annotations?.['org.opencontainers.image.ref.name'] ?? '-'}`,
  )

describe('tags', () => {
  test('lead to one manifest each; what loses its last one stays, untagged', () => {
    const index = IndexDocument.empty().with(a, ['1', 'latest']).with(b, ['latest'])
    expect(listed(index)).toEqual(['a 1', 'b latest'])
    expect(listed(index.with(b, ['1']))).toEqual(['b 1', 'b latest', 'a -'])
    expect(index.find('latest')?.digest).toBe(b.digest)
    expect(index.tags).toEqual(['1', 'latest'])
  })

  test('of several entries with one tag, as other tools may write them, the last counts after changes too', () => {
    const entry = (of: Descriptor): object => ({
      ...of,
      annotations: { 'org.opencontainers.image.ref.name': '1' },
    })
    for (const entries of [
      [entry(a), entry(b)],
      [entry(b), entry(a)],
    ]) {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, manifests: entries }))
      const before = IndexDocument.parse(bytes)
      const after = IndexDocument.parse(before.with(manifest('c'), ['2']).toBytes())
      expect(after.find('1')).toEqual(before.find('1'))
    }
  })

  test('a manifest without a tag is listed once, and no more when it gets one', () => {
    const untagged = IndexDocument.empty().with(a, []).with(a, [])
    expect(listed(untagged)).toEqual(['a -'])
    expect(listed(untagged.with(a, ['1']))).toEqual(['a 1'])
    expect(listed(untagged.with(a, ['1']).with(a, []))).toEqual(['a 1'])
  })

  test('are taken away without their manifest, and with it', () => {
    const index = IndexDocument.empty().with(a, ['1', '2']).with(b, ['3'])
    expect(listed(index.withoutTag('1'))).toEqual(['a 2', 'b 3'])
    expect(listed(index.withoutTag('1').withoutTag('2'))).toEqual(['b 3', 'a -'])
    expect(listed(index.without(a.digest))).toEqual(['b 3'])
  })

  test('are exactly what they are: nothing else stands for latest', () => {
    expect(IndexDocument.empty().with(a, []).find('latest')).toBeUndefined()
    expect(IndexDocument.empty().with(a, ['1']).find('latest')).toBeUndefined()
  })
})

test('the same images give the same bytes, in whatever order they came', () => {
  const one = IndexDocument.empty().with(a, ['1']).with(b, ['2', '3'])
  const two = IndexDocument.empty().with(b, ['3']).with(b, ['2']).with(a, ['1'])
  expect(one.toBytes()).toEqual(two.toBytes())
})

test('what others have written stays', () => {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      annotations: { by: 'hand' },
      manifests: [
        { ...a, annotations: { 'io.containerd.image.name': 'docker.io/library/x:1', other: 'kept' } },
        { strange: true },
      ],
    }),
  )
  const index = IndexDocument.parse(bytes)
  expect(index.tags).toEqual(['1'])
  const changed = JSON.parse(Buffer.from(index.with(b, ['1']).toBytes()).toString()) as Record<
    string,
    unknown
  >
  expect(changed['annotations']).toEqual({ by: 'hand' })
  expect(changed['manifests']).toEqual([
    expect.objectContaining({ digest: b.digest }),
    { strange: true },
    { ...a, annotations: { other: 'kept' } },
  ])
})

test('what is no index is not changed', () => {
  expect(() => IndexDocument.parse(Buffer.from('{}'))).toThrow(
    expect.objectContaining({ code: 'NAME_UNKNOWN' }),
  )
})
