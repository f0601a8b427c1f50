import { createHash } from 'node:crypto'
import { get } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

/** An answer as a client saw it. */
export interface Download {
  /** 0: the connection broke before any answer. */
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Whether the answer came to its proper end. */
  readonly complete: boolean
  readonly bytes: number
  /** sha256 digest of the body as far as it came. */
  readonly digest: string
  /** The body's beginning, for messages. */
  readonly text: string
  /** ms until the head of the answer. */
  readonly headAfter: number
  /** All of the body, where that was asked for. */
  readonly body: Buffer | undefined
}

export interface DownloadOptions {
  readonly headers?: Record<string, string>
  /** ms to wait after each piece: a slow reader. */
  readonly pause?: number
  /** Whether to keep the body. */
  readonly keep?: boolean
  readonly signal?: AbortSignal
  readonly onBytes?: (total: number) => void
}

/** GET over a connection of its own; never throws for what the server does. */
export async function download(url: string, options: DownloadOptions = {}): Promise<Download> {
  const hash = createHash('sha256')
  let bytes = 0
  let text = ''
  const start = performance.now()
  let headAfter = Infinity
  const pieces: Buffer[] = []
  const result = (status: number, headers: IncomingHttpHeaders, complete: boolean): Download => ({
    status,
    headers,
    complete,
    bytes,
    digest: `sha256:${hash.digest('hex')}`,
    text,
    headAfter,
    body: options.keep === true ? Buffer.concat(pieces) : undefined,
  })
  return new Promise((settle) => {
    let settled = false
    const resolve = (status: number, headers: IncomingHttpHeaders, complete: boolean): void => {
      if (!settled) settle(result(status, headers, complete))
      settled = true
    }
    const asked = get(
      url,
      { agent: false, headers: options.headers ?? {}, signal: options.signal },
      (answer) => {
        const { statusCode = 0, headers } = answer
        headAfter = performance.now() - start
        const read = async (): Promise<void> => {
          try {
            for await (const piece of answer as AsyncIterable<Buffer>) {
              hash.update(piece)
              if (text.length < 2000) text += piece.subarray(0, 2000).toString('latin1')
              if (options.keep === true) pieces.push(piece)
              bytes += piece.length
              options.onBytes?.(bytes)
              if (options.pause !== undefined)
                await delay(options.pause, undefined, { signal: options.signal, ref: false })
            }
            resolve(statusCode, headers, answer.complete)
          } catch {
            resolve(statusCode, headers, false)
          }
        }
        void read()
      },
    )
    asked.on('error', () => resolve(0, {}, false))
  })
}

/** Whether a download brought exactly this blob or manifest. */
export function brought(got: Download, digest: string): boolean {
  return got.status === 200 && got.complete && got.digest === digest
}

/** Download again and again, as a client that retries would, until it has the right bytes. */
export async function downloadUntilRight(url: string, digest: string, withinMs = 40_000): Promise<Download> {
  const end = Date.now() + withinMs
  for (;;) {
    const got = await download(url)
    if (brought(got, digest)) return got
    if (Date.now() > end) throw new Error(`${url} was never right: ${got.status} ${got.text.slice(0, 500)}`)
    await delay(250)
  }
}
