import * as dagCbor from '@ipld/dag-cbor'
import * as dagJson from '@ipld/dag-json'
import { CID } from 'multiformats/cid'
import { Failure, messageOf } from '../../errors.ts'

/** Codecs of blocks that are documents, which may link to other blocks from any place in them (IPLD data model). */
const CODECS = new Map<number, (bytes: Uint8Array) => unknown>([
  [dagCbor.code, (bytes) => dagCbor.decode(bytes)],
  [dagJson.code, (bytes) => dagJson.decode(bytes)],
])

export function isDocument(cid: CID): boolean {
  return CODECS.has(cid.code)
}

/**
 * What a verified block of such a codec says.
 *
 * @throws Failure CONTENT_NOT_FOUND when it is malformed: a fault of the content, not of who gave it
 */
export function decodeDocument(cid: CID, bytes: Uint8Array): unknown {
  try {
    return CODECS.get(cid.code)?.(bytes)
  } catch (error) {
    throw new Failure('CONTENT_NOT_FOUND', `${cid.toString()} is malformed: ${messageOf(error)}`)
  }
}

/**
 * Follow a path from the top of a document to the first link on it, or to its end within the document.
 *
 * @returns `rest`: segments beyond the link; undefined when the document has no such path
 */
export function followDocument(
  document: unknown,
  segments: readonly string[],
): { readonly link: CID | undefined; readonly rest: readonly string[] } | undefined {
  let value = document
  for (const [index, segment] of segments.entries()) {
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined
    if (!Object.hasOwn(value, segment)) return undefined
    value = (value as Readonly<Record<string, unknown>>)[segment]
    if (value instanceof CID) return { link: value as CID, rest: segments.slice(index + 1) }
  }
  return { link: undefined, rest: [] }
}
