import { CarBufferReader } from '@ipld/car/buffer-reader'
import { varint } from 'multiformats'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { Failure, messageOf } from '../../errors.ts'
import { MAX_BLOCK_BYTES, verifyBlock } from '../../verify/block.ts'
import { type ByteSource, ByteTaker } from './byte-source.ts'
import { CARV2_PRAGMA, enterPayload } from './car-v2.ts'

/** Bytes of a header; that of a file may name all the roots of a store. */
const MAX_HEADER_BYTES = { answer: 64 * 1024, file: 1024 * 1024 }

/** Bytes that a CID has at most: one with a digest of 128 bytes, the longest in use, and then some. */
const MAX_CID_BYTES = 160

/** Bytes of a varint (multiformats: nine at most). */
const MAX_VARINT_BYTES = 9

/** What a CAR is: the answer of a source, which was asked for a CARv1, or a file, which may be a CARv2 as well. */
export type CarOrigin = 'answer' | 'file'

export interface CarBlock {
  readonly cid: CID
  readonly bytes: Uint8Array
}

/**
 * Reads a CARv1 stream (ipld.io/specs/transport/car/carv1) section by section, also one within a CARv2. Every block is
 * held to its CID. Header and sections are bounded, so that no length in the stream can take memory.
 *
 * All methods throw Failure CONTENT_INVALID for what is no CAR, CONTENT_UNAVAILABLE where it is cut in the middle of a
 * section, and what the source throws.
 */
export class CarReader {
  readonly #name: string
  readonly #origin: CarOrigin
  #bytes: ByteTaker
  /** The section whose CID has been read, but not its block. */
  #section: { cid: CID; length: number } | undefined

  #leafMemory: Uint8Array = new Uint8Array()
  readonly #leaf = (length: number): Uint8Array => {
    if (this.#leafMemory.length < length) this.#leafMemory = Buffer.allocUnsafeSlow(length)
    return this.#leafMemory.subarray(0, length)
  }

  /** @param name of what the CAR comes from, for messages */
  constructor(source: ByteSource, name: string, origin: CarOrigin = 'answer') {
    this.#name = name
    this.#origin = origin
    this.#bytes = new ByteTaker(source)
  }

  /** Roots in the header: what the sender claims, proved by nothing. Must be called first. */
  async readRoots(): Promise<CID[]> {
    let header = await this.#readHeader()
    if (CARV2_PRAGMA.equals(header)) {
      if (this.#origin === 'answer') throw this.#invalid('it is a CARv2, where a CARv1 was asked for')
      this.#bytes = await enterPayload(this.#bytes, {
        invalid: (why) => this.#invalid(why),
        cut: (where) => this.#cut(where),
      })
      header = await this.#readHeader()
    }
    try {
      const length = varint.encodeTo(header.length, new Uint8Array(varint.encodingLength(header.length)))
      return CarBufferReader.fromBytes(Buffer.concat([length, header]))
        .getRoots()
        .map((root) => CID.decode(root.bytes))
    } catch (error) {
      throw this.#invalid(`its header is malformed: ${messageOf(error)}`)
    }
  }

  /** CID of the next block, which stays in the stream; undefined at a clean end. */
  async peek(): Promise<CID | undefined> {
    this.#section ??= await this.#readSectionHead()
    return this.#section?.cid
  }

  /**
   * The next block, verified; undefined at a clean end. Raw blocks, which are the bulk of every file, are put together
   * in the same memory again and again: they are valid until the next one is taken.
   */
  async take(): Promise<CarBlock | undefined> {
    if ((await this.peek()) === undefined || this.#section === undefined) return undefined
    const { cid, length } = this.#section
    this.#section = undefined
    const bytes = await (cid.code === raw.code
      ? this.#bytes.take(length, this.#leaf)
      : this.#bytes.take(length))
    if (bytes === undefined) throw this.#cut(`in block ${cid.toString()}`)
    verifyBlock(cid, bytes, this.#name, this.#origin === 'file' ? 'holds' : 'sends')
    return { cid, bytes }
  }

  /** The blocks, to the end. */
  async *blocks(): AsyncGenerator<CarBlock, void, undefined> {
    for (let block = await this.take(); block !== undefined; block = await this.take()) yield block
  }

  async #readHeader(): Promise<Uint8Array> {
    const length = await this.#readLength()
    if (length === undefined) throw this.#cut('before its header')
    if (length > MAX_HEADER_BYTES[this.#origin]) throw this.#invalid(`its header has ${length} bytes`)
    const header = await this.#bytes.take(length)
    if (header === undefined) throw this.#cut('in its header')
    return header
  }

  async #readSectionHead(): Promise<{ cid: CID; length: number } | undefined> {
    const length = await this.#readLength()
    if (length === undefined) return undefined
    const head = await this.#bytes.peek(Math.min(length, MAX_CID_BYTES))
    if (head.byteLength < Math.min(length, MAX_CID_BYTES)) throw this.#cut('in a CID')
    const cid = this.#decodeCid(head)
    const rest = length - cid.bytes.byteLength
    if (rest > MAX_BLOCK_BYTES) throw this.#invalid(`block ${cid.toString()} has ${rest} bytes`)
    this.#bytes.drop(cid.bytes.byteLength)
    return { cid, length: rest }
  }

  #decodeCid(head: Uint8Array): CID {
    try {
      // The bytes of the chunk they stand in are not to be held by the CID.
      return CID.decodeFirst(new Uint8Array(head))[0]
    } catch (error) {
      throw this.#invalid(`a section begins with no CID: ${messageOf(error)}`)
    }
  }

  /** The varint in front of the header and of each section; undefined at the end of the stream. */
  async #readLength(): Promise<number | undefined> {
    const head = await this.#bytes.peek(MAX_VARINT_BYTES)
    if (head.byteLength === 0) return undefined
    let value: number, length: number
    try {
      ;[value, length] = varint.decode(head)
    } catch {
      if (head.byteLength < MAX_VARINT_BYTES && head.every((byte) => byte >= 0x80))
        throw this.#cut('in a length')
      throw this.#invalid('a section has no sound length')
    }
    if (value === 0) throw this.#invalid('a section is empty')
    this.#bytes.drop(length)
    return value
  }

  #invalid(why: string): Failure {
    const is =
      this.#origin === 'file' ? 'is no CAR that can be read' : "answers with a CAR that can't be read"
    return new Failure('CONTENT_INVALID', `${this.#name} ${is}: ${why}`)
  }

  #cut(where: string): Failure {
    const is = this.#origin === 'file' ? 'is a CAR' : 'answers with a CAR'
    return new Failure('CONTENT_UNAVAILABLE', `${this.#name} ${is} that is cut ${where}`)
  }
}
