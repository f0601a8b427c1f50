import { createHash } from 'node:crypto'
import { encode } from '@ipld/dag-pb'
import fc from 'fast-check'
import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import * as Multihash from 'multiformats/hashes/digest'
import type { BlockReader } from '../../../src/content/unixfs/blocks.ts'
import { Failure } from '../../../src/errors.ts'
import { changed, edits, type Edit } from './bytes.ts'
import { hostile } from './text.ts'

/** How a DAG is to be made. */
export type Spec =
  | { readonly kind: 'raw'; readonly bytes: Uint8Array }
  | { readonly kind: 'file'; readonly data: Uint8Array; readonly parts: readonly Part[] }
  | { readonly kind: 'folder'; readonly entries: readonly (readonly [name: string, spec: Spec])[] }
  | {
      readonly kind: 'shard'
      readonly fanout: number
      readonly hashType: number
      readonly links: readonly (readonly [name: string, spec: Spec])[]
    }
  /** A block with other bytes, and the CID of those. */
  | { readonly kind: 'changed'; readonly spec: Spec; readonly edits: readonly Edit[] }
  | { readonly kind: 'absent' }
  | { readonly kind: 'inline'; readonly bytes: Uint8Array; readonly codec: number }

interface Part {
  readonly spec: Spec
  /** Added to the size that the part has. */
  readonly lie: number
}

/** Bytes that dag-pb can say a link has. */
const LARGEST = Number.MAX_SAFE_INTEGER

/** Blocks in memory, which counts how often they are read. */
export class DagBlocks implements BlockReader {
  readonly all = new Map<string, Uint8Array>()
  /** What has been made of a specification that is there more than once. */
  readonly built = new Map<Spec, Built>()
  reads = 0
  /** Reads after which it gives up. */
  readonly patience: number

  constructor(patience = 100_000) {
    this.patience = patience
  }

  put(codec: number, bytes: Uint8Array): CID {
    const cid = CID.createV1(codec, Multihash.create(0x12, createHash('sha256').update(bytes).digest()))
    this.all.set(cid.toString(), bytes)
    return cid
  }

  get(cid: CID): Promise<Uint8Array> {
    if (++this.reads > this.patience) return Promise.reject(new Error('this is never done with'))
    const bytes = cid.multihash.code === 0 ? cid.multihash.digest : this.all.get(cid.toString())
    if (bytes !== undefined) return Promise.resolve(bytes)
    return Promise.reject(new Failure('CONTENT_UNAVAILABLE', `no block ${cid.toString()}`))
  }
}

export interface Built {
  readonly cid: CID
  /** Bytes of the file that it is, if it is one. */
  readonly size: number
}

export function build(spec: Spec, blocks: DagBlocks): Built {
  const known = blocks.built.get(spec)
  if (known !== undefined) return known
  const built = buildOnce(spec, blocks)
  blocks.built.set(spec, built)
  return built
}

function buildOnce(spec: Spec, blocks: DagBlocks): Built {
  switch (spec.kind) {
    case 'raw':
      return { cid: blocks.put(0x55, spec.bytes), size: spec.bytes.length }
    case 'inline':
      return { cid: CID.createV1(spec.codec, Multihash.create(0, spec.bytes)), size: spec.bytes.length }
    case 'absent':
      return { cid: new DagBlocks().put(0x55, Buffer.from('absent')), size: 6 }
    case 'changed': {
      const { cid, size } = build(spec.spec, blocks)
      const bytes = blocks.all.get(cid.toString())
      return { cid: bytes === undefined ? cid : blocks.put(cid.code, changed(bytes, spec.edits)), size }
    }
    case 'file':
      return fileOf(spec, blocks)
    case 'folder':
      return { cid: folderOf(new UnixFS({ type: 'directory' }), spec.entries, blocks), size: 0 }
    case 'shard': {
      const { fanout, hashType, links } = spec
      const numbers = { fanout: BigInt(fanout), hashType: BigInt(hashType) }
      const unixfs = new UnixFS({ type: 'hamt-sharded-directory', data: Uint8Array.of(1), ...numbers })
      return { cid: folderOf(unixfs, links, blocks), size: 0 }
    }
  }
}

function fileOf({ data, parts }: Extract<Spec, { kind: 'file' }>, blocks: DagBlocks): Built {
  const built = parts.map(({ spec, lie }) => {
    const { cid, size } = build(spec, blocks)
    return { cid, size: Math.min(LARGEST, Math.max(0, size + lie)) }
  })
  const unixfs = new UnixFS({ type: 'file', data, blockSizes: built.map(({ size }) => BigInt(size)) })
  const Links = built.map(({ cid, size }) => ({ Hash: cid, Name: '', Tsize: size }))
  const size = Math.min(
    LARGEST,
    built.reduce((sum, part) => sum + part.size, data.length),
  )
  return { cid: blocks.put(0x70, encode({ Data: unixfs.marshal(), Links })), size }
}

function folderOf(unixfs: UnixFS, entries: readonly (readonly [string, Spec])[], blocks: DagBlocks): CID {
  const Links = entries.map(([name, spec]) => ({ Hash: build(spec, blocks).cid, Name: name, Tsize: 0 }))
  // Links are to be sorted by the bytes of their names (dag-pb specification).
  const bytes = (link: { Name: string }): Buffer => Buffer.from(link.Name)
  Links.sort((a, b) => Buffer.compare(bytes(a), bytes(b)))
  return blocks.put(0x70, encode({ Data: unixfs.marshal(), Links }))
}

const text = fc.uint8Array({ maxLength: 24 })
const names = fc.oneof(
  fc.constantFrom('a', 'b', 'blobs', 'index.json', '', 'é'),
  hostile.map((name) => Buffer.from(name).toString()),
)
const record = { noNullPrototype: true } as const
const lie = fc.oneof(
  { weight: 12, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.constantFrom(-1, 1, 5, -100, 2 ** 31, 2 ** 52) },
)
const raw = fc.record({ kind: fc.constant('raw'), bytes: text }, record)
const prefixed = fc
  .tuple(fc.constantFrom('00', '0A', 'FF', '1', 'f', '', 'zz'), fc.oneof(fc.constant(''), names))
  .map((parts) => parts.join(''))

/** DAGs of files and folders, most of them sound. */
export const specs: fc.Arbitrary<Spec> = fc.letrec<{ any: Spec; file: Spec; sound: Spec }>((tie) => ({
  sound: fc.oneof(
    { maxDepth: 4 },
    raw,
    fc.record(
      {
        kind: fc.constant('file'),
        data: text,
        parts: fc.array(fc.record({ spec: tie('sound'), lie: fc.constant(0) }, record), { maxLength: 4 }),
      },
      record,
    ),
  ),
  file: fc.oneof(
    { maxDepth: 4 },
    { weight: 2, arbitrary: raw },
    { weight: 4, arbitrary: tie('sound') },
    {
      weight: 6,
      arbitrary: fc.record(
        {
          kind: fc.constant('file'),
          data: text,
          parts: fc.array(
            fc.record(
              {
                spec: fc.oneof({ weight: 8, arbitrary: tie('file') }, { weight: 1, arbitrary: tie('any') }),
                lie,
              },
              record,
            ),
            { maxLength: 5 },
          ),
        },
        record,
      ),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('changed'), spec: tie('file'), edits }, record) },
    {
      weight: 1,
      arbitrary: fc.record(
        { kind: fc.constant('inline'), codec: fc.constantFrom(0x55, 0x70, 0x71), bytes: text },
        record,
      ),
    },
    { weight: 1, arbitrary: fc.constant({ kind: 'absent' }) },
  ),
  any: fc.oneof(
    { maxDepth: 4 },
    { weight: 4, arbitrary: tie('file') },
    {
      weight: 4,
      arbitrary: fc.record(
        { kind: fc.constant('folder'), entries: fc.array(fc.tuple(names, tie('any')), { maxLength: 5 }) },
        record,
      ),
    },
    {
      weight: 3,
      arbitrary: fc.record(
        {
          kind: fc.constant('shard'),
          fanout: fc.constantFrom(256, 256, 16, 1024, 3, 0, 2 ** 40),
          hashType: fc.constantFrom(0x22, 0x22, 0x22, 0x12),
          links: fc.array(fc.tuple(prefixed, tie('any')), { maxLength: 5 }),
        },
        record,
      ),
    },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('changed'), spec: tie('any'), edits }, record) },
  ),
})).any
