import { randomUUID } from 'node:crypto'

/** One part of a form: what Kubo takes for a file. */
export interface Part {
  /** Bytes; undefined where that is not known before they have passed. */
  readonly size: number | undefined
  /** Default: its number. */
  readonly name?: string
  readonly content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>
}

export interface MultipartBody {
  readonly contentType: string
  /** Bytes of the whole body; undefined where that is not known. */
  readonly contentLength: number | undefined
  readonly pieces: AsyncIterable<Uint8Array>
}

/** A `multipart/form-data` body (RFC 7578) that is made while it is sent. */
export function multipartBody(parts: readonly Part[]): MultipartBody {
  const boundary = `ipfs-registry-${randomUUID()}`
  const heads = parts.map(({ name }, at) =>
    Buffer.from(
      `${at === 0 ? '' : '\r\n'}--${boundary}\r\n` +
        `Content-Disposition: form-data; name="file"; filename="${name ?? at}"\r\n` +
        'Content-Type: application/octet-stream\r\n\r\n',
    ),
  )
  const end = Buffer.from(`\r\n--${boundary}--\r\n`)
  const contentLength = parts.reduce<number | undefined>(
    (sum, { size }, at) =>
      sum === undefined || size === undefined ? undefined : sum + (heads[at]?.length ?? 0) + size,
    end.length,
  )
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (const [at, part] of parts.entries()) {
      const head = heads[at]
      if (head !== undefined) yield head
      yield* part.content
    }
    yield end
  }
  return { contentType: `multipart/form-data; boundary=${boundary}`, contentLength, pieces: pieces() }
}
