import { describe, expect, test } from '@jest/globals'
import * as dagPb from '@ipld/dag-pb'
import { importer } from 'ipfs-unixfs-importer'
import { fixedSize } from 'ipfs-unixfs-importer/chunker'
import { balanced } from 'ipfs-unixfs-importer/layout'
import { FileDagBuilder } from '../../../../src/content/unixfs/file-dag.ts'
import type { FileDagOptions, FileLeaf } from '../../../../src/content/unixfs/file-dag.ts'

const MIB = 1024 * 1024

/** Bytes that repeat nowhere within a leaf's length. */
function patterned(size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let state = 0x2545f491
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return bytes
}

function* piecesOf(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

function build(pieces: Iterable<Uint8Array>, options: FileDagOptions = {}) {
  const leaves: FileLeaf[] = []
  const builder = new FileDagBuilder({ ...options, onLeaf: (leaf) => leaves.push(leaf) })
  for (const piece of pieces) builder.write(piece)
  return { dag: builder.finish(), leaves }
}

async function byImporter(pieces: Iterable<Uint8Array>, options: { leafSize: number; links: number }) {
  const blocks = new Map<string, number>()
  const store = {
    put: async (cid: { toString(): string }, bytes: Uint8Array | AsyncIterable<Uint8Array>) => {
      blocks.set(cid.toString(), (bytes as Uint8Array).length)
      return cid
    },
  }
  let last
  for await (const entry of importer([{ path: 'file', content: pieces }], store as never, {
    profile: 'unixfs-v1-2025',
    chunker: fixedSize({ chunkSize: options.leafSize }),
    layout: balanced({ maxChildrenPerNode: options.links }),
  })) {
    last = entry
  }
  return { cid: last?.cid.toString(), size: Number(last?.size), blocks }
}

describe('the DAG of a file', () => {
  // IPIP-0499's own vectors and those of Kubo with the profile
  test.each([
    ['nothing', new Uint8Array(0), 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'],
    [
      'hello world',
      new TextEncoder().encode('hello world'),
      'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e',
    ],
  ])('of %s is one raw block', (_what, bytes, cid) => {
    const { dag, leaves } = build([bytes])
    expect(dag.cid.toString()).toBe(cid)
    expect(dag).toMatchObject({ size: bytes.length, dagSize: bytes.length, leaves: 1, innerBlocks: [] })
    expect(leaves).toHaveLength(1)
    expect(leaves[0]).toMatchObject({ offset: 0, length: bytes.length })
  })

  test.each([1, 2, 3, 4, 5, 15, 16, 17, 31, 32, 63, 64, 65, 80, 81, 256, 257])(
    'of %i leaves with 4 links per node is the importer’s',
    async (count) => {
      for (const size of [count * 10, count * 10 - 3]) {
        const bytes = patterned(size)
        const { dag, leaves } = build(piecesOf(bytes, 7), { leafSize: 10, linksPerNode: 4 })
        const expected = await byImporter([bytes], { leafSize: 10, links: 4 })
        expect(dag.cid.toString()).toBe(expected.cid)
        expect(dag.dagSize).toBe(expected.size)
        expect(dag.leaves).toBe(count)
        expect(leaves.map((leaf) => leaf.offset)).toEqual(Array.from({ length: count }, (_, i) => i * 10))
        const built = [...dag.innerBlocks, ...leaves].map((block) => block.cid.toString())
        expect([...new Set(built)].sort()).toEqual([...expected.blocks.keys()].sort())
      }
    },
  )

  test('does not depend on how the bytes were cut into pieces', () => {
    const bytes = patterned(3 * MIB + 5)
    const whole = build([bytes]).dag.cid.toString()
    for (const size of [64 * 1024, 999_983, MIB, MIB + 1]) {
      expect(build(piecesOf(bytes, size)).dag.cid.toString()).toBe(whole)
    }
    expect(build([new Uint8Array(0), bytes, new Uint8Array(0)]).dag.cid.toString()).toBe(whole)
  })

  test('of more than 1024 leaves has two levels above the leaves, as the importer’s', async () => {
    const zeros = new Uint8Array(MIB)
    const file = () =>
      (function* () {
        for (let i = 0; i < 1025; i++) yield zeros
      })()
    const { dag } = build(file())
    const expected = await byImporter(file(), { leafSize: MIB, links: 1024 })
    expect(dag.cid.toString()).toBe(expected.cid)
    expect(dag.dagSize).toBe(expected.size)
    expect(dag.innerBlocks).toHaveLength(3)
    const root = dag.innerBlocks.at(-1)
    expect(dagPb.decode(root!.bytes).Links).toHaveLength(2)
  })
})
