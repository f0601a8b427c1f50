import { expect, test } from '@jest/globals'
import { KnownImages } from '../../../src/repository/upstream/known-images.ts'
import { digestOfBytes, TYPE } from '../../fixtures/layouts.ts'

test('of media types those of manifests are kept, and nothing that is as long as somebody likes', async () => {
  const known = new KnownImages()
  const [index, layer] = [digestOfBytes(Buffer.from('index')), digestOfBytes(Buffer.from('layer'))]
  known.setContent('docker.io/library/app', index, { size: 5, mediaType: TYPE.ociIndex })
  known.setContent('docker.io/library/app', layer, { size: 5, mediaType: 'x'.repeat(1000) })
  expect(await known.content('docker.io/library/app', index)).toEqual({ size: 5, mediaType: TYPE.ociIndex })
  expect(await known.content('docker.io/library/app', layer)).toEqual({ size: 5, mediaType: '' })
})
