import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'

/** An answer as its sender meant it. Names of headers are in lower case. */
export interface WholeAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Buffer
  /** What `Content-Length` says where that is not the body's: in answers to HEAD. */
  readonly length?: number | undefined
}

/** What is done on the connection, one after the other. */
export type Step =
  | { readonly kind: 'send'; readonly bytes: Uint8Array }
  | { readonly kind: 'wait'; readonly ms: number }
  /** Nothing more, until the other side leaves. */
  | { readonly kind: 'hang' }
  /** RST. */
  | { readonly kind: 'reset' }
  | { readonly kind: 'close' }

/** Of headers, those that are not about how the body is sent. */
const FRAMING = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'trailer'])

/** The head of an answer as bytes; the connection is closed behind it. */
export function headOf(answer: WholeAnswer, more: Readonly<Record<string, string>> = {}): Buffer {
  const { status, headers, body, length = body.length } = answer
  const chunked = 'transfer-encoding' in more
  const all = {
    ...Object.fromEntries(Object.entries(headers).filter(([name]) => !FRAMING.has(name))),
    connection: 'close',
    ...(chunked ? {} : { 'content-length': String(length) }),
    ...more,
  }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('')}\r\n`, 'latin1')
}

export function messageOf(answer: WholeAnswer): Buffer {
  return Buffer.concat([headOf(answer), answer.body])
}

/** Do it all; ends early when the other side leaves, or `signal` aborts. Never throws. */
export async function play(steps: Iterable<Step>, socket: Socket, signal: AbortSignal): Promise<void> {
  const left = new AbortController()
  const leave = (): void => left.abort()
  socket.once('close', leave)
  signal.addEventListener('abort', leave, { once: true })
  try {
    for (const step of steps) {
      if (left.signal.aborted) return
      await doStep(step, socket, left.signal)
    }
  } catch {
    // The other side has left.
  } finally {
    socket.off('close', leave)
    signal.removeEventListener('abort', leave)
  }
}

async function doStep(step: Step, socket: Socket, left: AbortSignal): Promise<void> {
  if (step.kind === 'send') {
    if (!socket.write(step.bytes)) await once(socket, 'drain', { signal: left })
  } else if (step.kind === 'wait') {
    await delay(step.ms, undefined, { signal: left })
  } else if (step.kind === 'hang') {
    await once(left, 'abort')
  } else if (step.kind === 'reset') {
    socket.resetAndDestroy()
  } else {
    socket.end()
  }
}
