import { describe, expect, test } from '@jest/globals'
import { buildDirectoryTree } from '../../../src/publish/directory-tree.ts'
import { fileBlocks } from '../../../src/roots/file-blocks.ts'
import { RootTree } from '../../../src/roots/root-tree.ts'
import { MemoryBlocks } from '../../fixtures/memory-roots.ts'

const { signal } = new AbortController()
const bytesOf = (text: string): Uint8Array => Buffer.from(text)
const edit = (path: string, text: string) => ({ path: path.split('/'), bytes: bytesOf(text) })

/** The root of the same files, as publishing them all at once makes it. */
async function published(files: Readonly<Record<string, string>>): Promise<string> {
  const entries = Object.entries(files).map(([path, text]) => ({ path, file: fileBlocks(bytesOf(text)) }))
  return (await buildDirectoryTree(entries, () => undefined, signal)).root.toString()
}

async function written(tree: RootTree, blocks: MemoryBlocks): Promise<string> {
  const { cid, blocks: made } = await tree.write(signal)
  blocks.put(made)
  return cid.toString()
}

test('a tree changed step by step is the one that publishing all of it would make', async () => {
  const blocks = new MemoryBlocks()
  let tree = new RootTree(blocks, undefined)
  for (const [path, text] of [
    ['a/b/c', 'one'],
    ['a/d', 'two'],
    ['e', 'three'],
  ] as const) {
    await tree.apply(edit(path, text), signal)
  }
  await written(tree, blocks)
  const { cid } = await tree.write(signal)
  tree = new RootTree(blocks, cid)
  await tree.apply(edit('a/b/x', 'four'), signal)
  await tree.apply(edit('a/d', 'five'), signal)
  await tree.apply({ path: ['e'], removed: true }, signal)
  expect(await written(tree, blocks)).toBe(
    await published({ 'a/b/c': 'one', 'a/b/x': 'four', 'a/d': 'five' }),
  )
})

test('only folders on the way of a change are made anew', async () => {
  const blocks = new MemoryBlocks()
  const tree = new RootTree(blocks, undefined)
  await tree.apply(edit('a/b/c', 'one'), signal)
  await tree.apply(edit('x/y/z', 'two'), signal)
  const { cid } = await tree.write(signal)
  await written(tree, blocks)
  blocks.put((await firstWrite(['a/b/c', 'one'], ['x/y/z', 'two'])).blocks)
  const next = new RootTree(blocks, cid)
  await next.apply(edit('a/b/d', 'three'), signal)
  // the file, a/b, a, and the root
  expect((await next.write(signal)).blocks).toHaveLength(4)
  expect((await next.write(signal)).blocks).toHaveLength(0)
})

async function firstWrite(...files: [string, string][]) {
  const tree = new RootTree(new MemoryBlocks(), undefined)
  for (const [path, text] of files) await tree.apply(edit(path, text), signal)
  return tree.write(signal)
}

describe('a sharded folder', () => {
  const names = Array.from({ length: 2700 }, (_, index) => `entry-${String(index).padStart(70, '0')}`)

  test('grows, changes and shrinks as if it were made anew', async () => {
    const blocks = new MemoryBlocks()
    const all: Record<string, string> = Object.fromEntries(names.map((name) => [`big/${name}`, name]))
    const first = new RootTree(blocks, undefined)
    for (const [path, text] of Object.entries(all)) await first.apply(edit(path, text), signal)
    const { cid, blocks: made } = await first.write(signal)
    blocks.put(made)
    expect(cid.toString()).toBe(await published(all))

    const second = new RootTree(blocks, cid)
    await second.apply(edit('big/one-more', 'more'), signal)
    all['big/one-more'] = 'more'
    const more = await second.write(signal)
    blocks.put(more.blocks)
    expect(more.cid.toString()).toBe(await published(all))

    const third = new RootTree(blocks, more.cid)
    for (const name of names.slice(10)) {
      await third.apply({ path: ['big', name], removed: true }, signal)
      delete all[`big/${name}`]
    }
    expect((await third.write(signal)).cid.toString()).toBe(await published(all))
  })
})

test('reads what is there, and what is being changed', async () => {
  const blocks = new MemoryBlocks()
  const tree = new RootTree(blocks, undefined)
  const large = 'x'.repeat(3 * 1024 * 1024)
  await tree.apply(edit('a/large', large), signal)
  expect(await tree.file(['a', 'large'], 4 * 1024 * 1024, signal)).toHaveLength(large.length)
  const { cid, blocks: made } = await tree.write(signal)
  blocks.put(made)
  const read = new RootTree(blocks, cid)
  expect(Buffer.from((await read.file(['a', 'large'], 4 * 1024 * 1024, signal)) ?? []).toString()).toBe(large)
  await expect(read.file(['a', 'large'], 1024, signal)).rejects.toMatchObject({ code: 'CONTENT_TOO_LARGE' })
  expect(await read.names(['a'], signal)).toEqual(['large'])
  expect(await read.names(['b'], signal)).toBeUndefined()
  expect(await read.names(['a', 'large'], signal)).toBeUndefined()
  expect(await read.link(['a', 'large', 'x'], signal)).toBeUndefined()
  expect((await read.link([], signal))?.cid.toString()).toBe(cid.toString())
})

test('a file is no way to anything', async () => {
  const blocks = new MemoryBlocks()
  const tree = new RootTree(blocks, undefined)
  await tree.apply(edit('a', 'file'), signal)
  await expect(tree.apply(edit('a/b', 'x'), signal)).rejects.toMatchObject({ code: 'NAME_INVALID' })
  expect(await written(tree, blocks)).toBe(await published({ a: 'file' }))
})

test('a folder whose last entry goes stays, empty', async () => {
  const blocks = new MemoryBlocks()
  const tree = new RootTree(blocks, undefined)
  await tree.apply(edit('a/b', 'x'), signal)
  await tree.apply({ path: ['a', 'b'], removed: true }, signal)
  await written(tree, blocks)
  expect(await tree.names(['a'], signal)).toEqual([])
})
