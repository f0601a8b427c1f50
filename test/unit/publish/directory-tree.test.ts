import { describe, expect, test } from '@jest/globals'
import * as dagPb from '@ipld/dag-pb'
import { importer } from 'ipfs-unixfs-importer'
import type { CID } from 'multiformats/cid'
import { UnixFS } from 'ipfs-unixfs'
import { FileDagBuilder } from '../../../src/content/unixfs/file-dag.ts'
import { buildDirectoryTree } from '../../../src/publish/directory-tree.ts'
import type { TreeEntry } from '../../../src/publish/directory-tree.ts'
import type { Block } from '../../../src/publish/target.ts'

const never = new AbortController().signal
const EMPTY_DIRECTORY = 'bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354'

function entriesOf(files: Map<string, Uint8Array>): TreeEntry[] {
  return [...files].map(([path, bytes]) => {
    const builder = new FileDagBuilder()
    builder.write(bytes)
    return { path, file: builder.finish() }
  })
}

async function built(entries: Iterable<TreeEntry>) {
  const blocks = new Map<string, Block>()
  const order: string[] = []
  const tree = await buildDirectoryTree(
    entries,
    (block) => {
      blocks.set(block.cid.toString(), block)
      order.push(block.cid.toString())
    },
    never,
  )
  return { ...tree, cid: tree.root.toString(), blocks, order }
}

async function byImporter(files: Map<string, Uint8Array>) {
  const blocks = new Set<string>()
  const store = {
    put: async (cid: CID) => {
      if (cid.code === dagPb.code) blocks.add(cid.toString())
      return cid
    },
  }
  let last
  const source = [...files].map(([path, content]) => ({ path, content }))
  for await (const entry of importer(source, store, {
    profile: 'unixfs-v1-2025',
    wrapWithDirectory: true,
  })) {
    last = entry
  }
  return { cid: last?.cid.toString(), dagSize: Number(last?.size), blocks }
}

const bytes = (text: string) => new TextEncoder().encode(text)

/** As many blobs as asked for, under names of sha256 length. */
function blobs(count: number, folder = 'blobs/sha256/'): Map<string, Uint8Array> {
  const files = new Map<string, Uint8Array>()
  for (let i = 0; i < count; i++) {
    files.set(`${folder}${(i * 2_654_435_761).toString(16).padStart(64, '0')}`, bytes(`blob ${i}`))
  }
  return files
}

describe('the directories over stored files', () => {
  test.each([
    ['one file', new Map([['a', bytes('a')]])],
    ['an empty file', new Map([['empty', new Uint8Array(0)]])],
    [
      'a nested tree',
      new Map([
        ['oci-layout', bytes('{}')],
        ['x/y/z/deep', bytes('deep')],
        ['x/y/file', bytes('file')],
        ['x/a b', bytes('space')],
        ['ä/☃', bytes('not ASCII')],
        ['big', new Uint8Array(2_500_000)],
      ]),
    ],
    ['2 500 blobs', blobs(2_500)],
    ['3 000 blobs', blobs(3_000)],
    ['3 200 blobs', blobs(3_200)],
  ])('are the importer’s for %s', async (_what, files) => {
    const mine = await built(entriesOf(files))
    const theirs = await byImporter(files)
    expect(mine.cid).toBe(theirs.cid)
    expect(mine.dagSize).toBe(theirs.dagSize)
  })

  test('come children first, each block once the links below it are there', async () => {
    const { blocks, order } = await built(entriesOf(new Map([...blobs(3_200), ['a/b/c', bytes('c')]])))
    const seen = new Set<string>()
    for (const cid of order) {
      for (const link of dagPb.decode(blocks.get(cid)!.bytes).Links) {
        if (link.Hash.code === dagPb.code) expect(seen).toContain(link.Hash.toString())
      }
      seen.add(cid)
    }
  })

  test('of nothing is the empty directory', async () => {
    expect((await built([])).cid).toBe(EMPTY_DIRECTORY)
  })

  test('keep an empty directory, and one that is named with and without files', async () => {
    const { blocks, root } = await built([
      ...entriesOf(new Map([['full/file', bytes('x')]])),
      { path: 'empty' },
      { path: 'full' },
    ])
    const links = dagPb.decode(blocks.get(root.toString())!.bytes).Links
    expect(links.map((link) => link.Name)).toEqual(['empty', 'full'])
    expect(links[0]!.Hash.toString()).toBe(EMPTY_DIRECTORY)
  })

  test('shard one that holds many directories by the size of its links', async () => {
    const files = new Map<string, Uint8Array>()
    for (let i = 0; i < 3_000; i++) files.set(`${'n'.repeat(60)}${i}/index.json`, bytes('{}'))
    const { blocks, root } = await built(entriesOf(files))
    const node = dagPb.decode(blocks.get(root.toString())!.bytes)
    expect(UnixFS.unmarshal(node.Data!).type).toBe('hamt-sharded-directory')
    // the same links, as files to the importer: what kind of thing is linked makes no difference to the directory
    const child = [...blocks.values()][0]!
    expect(dagPb.decode(child.bytes).Links).toHaveLength(1)
    const [link] = dagPb.decode(child.bytes).Links
    const added = { cid: child.cid, size: 0, dagSize: child.bytes.length + (link!.Tsize ?? 0) }
    const flat = [...files.keys()].map((path) => ({ path: path.split('/')[0]!, file: added }))
    expect((await built(flat)).cid).toBe(root.toString())
  })

  test('stop when nobody wants them any more', async () => {
    const signal = AbortSignal.abort(new Error('enough'))
    await expect(buildDirectoryTree([], () => undefined, signal)).rejects.toThrow('enough')
  })
})
