import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../errors.ts'
import type { Exchange } from './exchange.ts'
import { sendContinue } from './expectation.ts'

const BROKEN_OFF = new Failure('CONTENT_UNAVAILABLE', 'the client has left before it had sent everything')

/** Whether a request comes with a body, be it one without a byte in it (RFC 9112, 6). */
export function hasBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || (lengthOf(req) ?? 0) > 0
}

/** Bytes of the body as the client says; undefined where it does not. Node.js takes no other form of the header. */
export function lengthOf(req: IncomingMessage): number | undefined {
  const text = req.headers['content-length']
  return text === undefined ? undefined : Number(text)
}

/**
 * The body as it comes, with no more of it in memory than Node.js holds for a socket: what is not asked for is not taken
 * from the client. Only now a client that waits for `100 Continue` is told to send it.
 *
 * @throws the signal's reason when the client leaves or an end is made of it; the connection stays as it is
 */
export async function* streamBody(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { facts, signal } = exchange
  sendContinue(req, res)
  const watch = new BodyWatch(req, signal)
  try {
    for (;;) {
      signal.throwIfAborted()
      const piece = req.read() as Buffer | null
      if (piece !== null) {
        facts.received += piece.length
        yield piece
      } else if (req.readableEnded) return
      else await watch.more()
    }
  } finally {
    watch.end()
  }
}

/** Tells when there may be something to read. It listens for as long as the body is read: a layer has many pieces. */
class BodyWatch {
  readonly #req: IncomingMessage
  readonly #signal: AbortSignal
  #broken = false
  #waiting: (() => void) | undefined

  constructor(req: IncomingMessage, signal: AbortSignal) {
    this.#req = req
    this.#signal = signal
    this.#broken = req.destroyed
    req.on('readable', this.#wake).on('end', this.#wake).on('close', this.#break).on('error', this.#break)
    signal.addEventListener('abort', this.#wake)
  }

  /** Resolves when there may be something to read where there was nothing. @throws when the client breaks off */
  async more(): Promise<void> {
    if (!this.#broken) await new Promise<void>((resolve) => (this.#waiting = resolve))
    this.#signal.throwIfAborted()
    if (this.#broken && !this.#req.readableEnded) throw BROKEN_OFF
  }

  end(): void {
    const req = this.#req
    req.off('readable', this.#wake).off('end', this.#wake).off('close', this.#break).off('error', this.#break)
    this.#signal.removeEventListener('abort', this.#wake)
  }

  readonly #wake = (): void => {
    this.#waiting?.()
    this.#waiting = undefined
  }

  readonly #break = (): void => {
    this.#broken = true
    this.#wake()
  }
}

/**
 * The whole of a small body.
 *
 * @param limit bytes
 * @param tooLarge made when there are more, which is found out before they are read where the client says how many
 */
export async function readBody(
  req: IncomingMessage,
  res: ServerResponse,
  exchange: Exchange,
  limit: number,
  tooLarge: () => Failure,
): Promise<Buffer> {
  if ((lengthOf(req) ?? 0) > limit) throw tooLarge()
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of streamBody(req, res, exchange)) {
    size += piece.length
    if (size > limit) throw tooLarge()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}
