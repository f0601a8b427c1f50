import { connect } from 'node:net'

/** One answer as it came. */
export interface WireAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

/** ms of silence after which nothing more is expected of a connection that stays open. */
const SILENCE = 60

/**
 * Send bytes over a connection of their own, and wait for all that comes back.
 *
 * @param closes whether the other side is to close the connection; else its silence is the end
 */
export function exchange(port: number, bytes: Uint8Array, closes: boolean): Promise<Buffer> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = []
    const socket = connect(port, '127.0.0.1')
    const silence = closes ? undefined : setTimeout(() => socket.destroy(), SILENCE)
    socket.on('data', (piece) => {
      pieces.push(piece)
      silence?.refresh()
    })
    // A reset is an end like any other: what came before it counts.
    socket.on('error', () => undefined)
    socket.on('close', () => {
      clearTimeout(silence)
      resolve(Buffer.concat(pieces))
    })
    socket.write(bytes)
  })
}

/**
 * The answers in what came over a connection, interim ones left out (RFC 9112, strictly).
 *
 * @param methods of the requests, in their order
 * @throws Error for anything that is no answer to one of them
 */
export function answersIn(bytes: Buffer, methods: readonly string[]): WireAnswer[] {
  const answers: WireAnswer[] = []
  for (let rest = bytes; rest.length > 0;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) throw new Error(`no answer: ${rest.toString('latin1', 0, 200)}`)
    const { status, headers } = headIn(rest.toString('latin1', 0, end))
    rest = rest.subarray(end + 4)
    if (status < 200) continue
    const method = methods[answers.length]
    if (method === undefined) throw new Error(`an answer that nobody asked for: ${status}`)
    const bodiless = method === 'HEAD' || status === 204 || status === 304
    const [body, after] = bodiless ? [Buffer.alloc(0), rest] : bodyIn(rest, headers)
    answers.push({ status, headers, body })
    rest = after
  }
  return answers
}

function headIn(text: string): Pick<WireAnswer, 'status' | 'headers'> {
  const [line = '', ...lines] = text.split('\r\n')
  const status = /^HTTP\/1\.1 ([1-5]\d\d) [\x20-\x7e]*$/.exec(line)?.[1]
  if (status === undefined) throw new Error(`no status: ${line.slice(0, 200)}`)
  const headers = new Map<string, string>()
  for (const header of lines) {
    const [, name, value] = /^([A-Za-z0-9-]+): ([\x20-\x7e]*)$/.exec(header) ?? []
    if (name === undefined || value === undefined) throw new Error(`no header: ${header.slice(0, 200)}`)
    headers.set(name.toLowerCase(), value)
  }
  return { status: Number(status), headers }
}

function bodyIn(rest: Buffer, headers: ReadonlyMap<string, string>): [body: Buffer, after: Buffer] {
  if (headers.get('transfer-encoding') === 'chunked') return chunkedBodyIn(rest)
  const length = headers.get('content-length') ?? ''
  if (!/^\d+$/.test(length)) throw new Error('an answer without a length')
  if (rest.length < Number(length)) throw new Error(`${rest.length} of ${length} bytes came`)
  return [rest.subarray(0, Number(length)), rest.subarray(Number(length))]
}

function chunkedBodyIn(rest: Buffer): [body: Buffer, after: Buffer] {
  const pieces: Buffer[] = []
  for (let at = 0; ;) {
    const line = rest.indexOf('\r\n', at)
    const size = Number.parseInt(rest.toString('latin1', at, line), 16)
    if (line === -1 || Number.isNaN(size)) throw new Error('a chunk without a size')
    const start = line + 2
    if (size === 0) return [Buffer.concat(pieces), rest.subarray(start + 2)]
    pieces.push(rest.subarray(start, start + size))
    at = start + size + 2
  }
}
