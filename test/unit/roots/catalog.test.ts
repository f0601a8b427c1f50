import { expect, test } from '@jest/globals'
import { repositoriesIn } from '../../../src/roots/catalog.ts'
import { RootTree } from '../../../src/roots/root-tree.ts'
import { MemoryBlocks } from '../../fixtures/memory-roots.ts'

const { signal } = new AbortController()

test('lists the folders that hold a layout, those inside of others too, and nothing of a layout itself', async () => {
  const tree = new RootTree(new MemoryBlocks(), undefined)
  for (const path of [
    'alpine/index.json',
    'alpine/blobs/sha256/x',
    'team/app/index.json',
    'team/index.json',
    'team/app/blobs/index.json',
    'empty/readme',
  ]) {
    await tree.apply({ path: path.split('/'), bytes: Buffer.from('{}') }, signal)
  }
  expect([...(await repositoriesIn(tree, signal))].sort()).toEqual(['alpine', 'team', 'team/app'])
})
