import { UnixFS } from 'ipfs-unixfs'
import { CID } from 'multiformats/cid'
import { messageOf } from '../../errors.ts'
import { declaredNumbers } from './declared-numbers.ts'
import { fanoutOf, MAX_LINKS, unsound } from './node.ts'

/** Keys of the fields of dag-pb's messages: number and wire type (dag-pb specification). */
const NODE_DATA = 0x0a
const NODE_LINK = 0x12
const LINK_HASH = 0x0a
const LINK_NAME = 0x12
const LINK_SIZE = 0x18

/** Bytes `start` up to `end` of the block. */
interface Span {
  readonly start: number
  readonly end: number
}

/**
 * A directory block in which single entries are looked up, without decoding all of the others: a folder of blobs may
 * have thousands, and every request for one of them looks there.
 */
export class DirectoryIndex {
  /** Slots of a HAMT shard; undefined for a plain directory, and for anything else. */
  readonly fanout: number | undefined
  /** Whether entries can be looked up here at all. */
  readonly isDirectory: boolean
  readonly #cid: CID
  readonly #bytes: Buffer
  readonly #links: readonly Span[]

  /** @throws Failure CONTENT_NOT_FOUND when the block is no sound UnixFS */
  constructor(cid: CID, bytes: Uint8Array) {
    this.#cid = cid
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    const { data, links } = this.#outline()
    this.#links = links
    const unixfs = this.#decode(() => UnixFS.unmarshal(data))
    this.isDirectory = unixfs.isDirectory()
    if (unixfs.type === 'hamt-sharded-directory') {
      this.fanout = fanoutOf(
        cid,
        unixfs,
        this.#decode(() => declaredNumbers(data).hashType),
      )
    }
  }

  /** CID of the first link that has this name. */
  find(name: string): CID | undefined {
    const wanted = Buffer.from(name)
    for (const link of this.#links) {
      const found = this.#fields(link)
      if (found.name === undefined ? wanted.byteLength === 0 : this.#equals(found.name, wanted)) {
        const { hash } = found
        if (hash === undefined) throw unsound(this.#cid, 'a link without a CID')
        return this.#decode(() => CID.decode(Uint8Array.from(this.#bytes.subarray(hash.start, hash.end))))
      }
    }
    return undefined
  }

  #equals({ start, end }: Span, wanted: Buffer): boolean {
    if (end - start !== wanted.byteLength) return false
    // Names in one folder are often digests: of one length, and different at their end.
    if (this.#bytes[end - 1] !== wanted[wanted.byteLength - 1]) return false
    return this.#bytes.compare(wanted, 0, wanted.byteLength, start, end) === 0
  }

  #outline(): { data: Uint8Array; links: Span[] } {
    const links: Span[] = []
    let data: Uint8Array | undefined
    let at = 0
    while (at < this.#bytes.byteLength) {
      const key = this.#bytes[at]
      const span = this.#span(at + 1, this.#bytes.byteLength)
      if (key === NODE_LINK) links.push(span)
      else if (key === NODE_DATA) data = this.#bytes.subarray(span.start, span.end)
      else throw unsound(this.#cid, 'not dag-pb')
      at = span.end
      if (links.length > MAX_LINKS) throw unsound(this.#cid, `more than ${MAX_LINKS} links`)
    }
    if (data === undefined) throw unsound(this.#cid, 'a dag-pb node without data')
    return { data, links }
  }

  #fields(link: Span): { hash?: Span; name?: Span } {
    const found: { hash?: Span; name?: Span } = {}
    let at = link.start
    while (at < link.end) {
      const key = this.#bytes[at]
      // The size comes last.
      if (key === LINK_SIZE) break
      const span = this.#span(at + 1, link.end)
      if (key === LINK_HASH) found.hash = span
      else if (key === LINK_NAME) found.name = span
      else throw unsound(this.#cid, 'not dag-pb')
      at = span.end
    }
    return found
  }

  /** What a length at `at` stands in front of. */
  #span(at: number, limit: number): Span {
    let length = 0
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#bytes[at++] ?? 0x80
      length += (byte & 0x7f) << shift
      if (byte >= 0x80) continue
      if (at + length > limit) break
      return { start: at, end: at + length }
    }
    throw unsound(this.#cid, 'not dag-pb')
  }

  #decode<T>(decode: () => T): T {
    try {
      return decode()
    } catch (error) {
      throw unsound(this.#cid, messageOf(error))
    }
  }
}
