import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import * as dagPb from '@ipld/dag-pb'
import { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'
import { codecName } from '../../reference/codec-name.ts'
import { inlineBytes } from '../../verify/block.ts'

/** What a block links to, by codec; blocks of any other codec are the end of the way: raw, json, cbor, git-raw. */
const LINKS = new Map<number, (bytes: Uint8Array) => CID[]>([
  [dagPb.code, (bytes) => dagPb.decode(bytes).Links.map(({ Hash }) => Hash)],
  [dagCbor.code, (bytes) => linksIn(dagCbor.decode(bytes))],
  [dagJson.code, (bytes) => linksIn(dagJson.decode(bytes))],
])

/** Whether blocks of this codec may have links. */
export function mayLink(codec: number): boolean {
  return LINKS.has(codec)
}

/** Bytes that an identity CID may carry: the limit of IPFS implementations. */
const MAX_INLINE_BYTES = 128

/**
 * The blocks that a verified block links to, in the order of the block, repeats included. What stands in an identity
 * CID is no block to fetch: its own links take its place.
 *
 * @returns CIDs that hold nothing of `bytes`
 * @throws Failure CONTENT_NOT_FOUND when the block is not what its codec says: that is a fault of the content, not of
 *   its source
 */
export function linksOf(cid: CID, bytes: Uint8Array): CID[] {
  return decodeLinks(cid, bytes).flatMap((link) => {
    const inline = inlineBytes(link)
    if (inline === undefined) return [CID.decode(Uint8Array.from(link.bytes))]
    checkInline(cid, inline)
    return linksOf(link, inline)
  })
}

/** A link of a dag-pb block. */
export interface NamedLink {
  /** In a shard of a folder: where in it, and the name. */
  readonly name: string
  readonly cid: CID
}

/**
 * The links of a dag-pb block with their names, identity CIDs as they stand. Unlike those of {@link linksOf} they keep
 * `bytes` in memory.
 *
 * @throws Failure CONTENT_NOT_FOUND as {@link linksOf} does
 */
export function namedLinksOf(cid: CID, bytes: Uint8Array): NamedLink[] {
  return decoded(cid, () => dagPb.decode(bytes)).Links.map(({ Name, Hash }) => {
    checkInline(cid, inlineBytes(Hash))
    return { name: Name ?? '', cid: Hash }
  })
}

function checkInline(cid: CID, inline: Uint8Array | undefined): void {
  if (inline === undefined || inline.byteLength <= MAX_INLINE_BYTES) return
  throw unsound(cid, `an identity CID with ${inline.byteLength} bytes, more than ${MAX_INLINE_BYTES}`)
}

function decodeLinks(cid: CID, bytes: Uint8Array): readonly CID[] {
  const decode = LINKS.get(cid.code)
  return decode === undefined ? [] : decoded(cid, () => decode(bytes))
}

function decoded<T>(cid: CID, decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw unsound(cid, messageOf(error), error)
  }
}

function unsound(cid: CID, why: string, cause?: unknown): Failure {
  const message = `${cid.toString()} is no sound ${codecName(cid.code)}: ${why}`
  return new Failure('CONTENT_NOT_FOUND', message, { cause })
}

/** CIDs in a decoded value, in its order. No recursion, since values may be nested as deep as a block is long. */
function linksIn(value: unknown): CID[] {
  const links: CID[] = []
  const waiting = [value]
  while (waiting.length > 0) {
    const next = waiting.pop()
    // What only looks like a CID, as CID.asCID() would take it for one, is data.
    if (next instanceof CID) links.push(next as CID)
    else if (typeof next === 'object' && next !== null && !ArrayBuffer.isView(next)) {
      for (const child of Object.values(next).reverse()) waiting.push(child)
    }
  }
  return links
}
