import { gzipSync } from 'node:zlib'
import type { Step, WholeAnswer } from '../harness/spoilt-answer.ts'
import { headOf, messageOf } from '../harness/spoilt-answer.ts'
import { blockBoundaries, CAR_EDITS, carHeaderEnd, editedCar } from './car-faults.ts'
import type { FaultRow, Harm } from './cross.ts'

/** A fault of an HTTP answer: what is sent instead of it. */
export interface HttpFault extends FaultRow {
  /** @param url that was asked for: path and query */
  readonly spoil: (answer: WholeAnswer, url: string) => readonly Step[]
}

const CLOSE: Step = { kind: 'close' }
const HANG: Step = { kind: 'hang' }
const RESET: Step = { kind: 'reset' }

const send = (bytes: Uint8Array): Step => ({ kind: 'send', bytes })
const half = ({ body }: WholeAnswer): number => body.length >> 1
/** Well inside the pieces that sources send. */
const BLOCK = 65_536

/** The answer with these bytes of the body, sent and announced. */
function withBody(answer: WholeAnswer, body: Buffer): Step[] {
  return [send(messageOf({ ...answer, body })), CLOSE]
}

function flip(at: (length: number) => number): HttpFault {
  return {
    harm: 'lies',
    spoil: (answer) => {
      const body = Buffer.from(answer.body)
      const index = at(body.length)
      if (index >= 0 && index < body.length) body[index] = (body[index] ?? 0) ^ 0x01
      return withBody(answer, body)
    },
  }
}

/** Where answers are cut. */
const CUTS: Readonly<Record<string, Partial<FaultRow> & { at: (answer: WholeAnswer) => number }>> = {
  'no-body': { at: () => 0 },
  'first-byte': { at: () => 1 },
  'car-header': { at: ({ body }) => carHeaderEnd(body), car: true },
  'path-block': { at: ({ body }) => blockBoundaries(body)[0] ?? 0, car: true },
  'last-block': { at: ({ body }) => blockBoundaries(body).at(-2) ?? 0, car: true },
  'block-head': { at: ({ body }) => (blockBoundaries(body).at(-2) ?? 0) + 10, car: true },
  block: { at: ({ body }) => Math.min(BLOCK, body.length - 1), blocks: true },
  half: { at: half },
  'last-byte': { at: ({ body }) => Math.max(0, body.length - 1) },
}

function* cuts(): Generator<[string, HttpFault]> {
  for (const [name, { at, ...row }] of Object.entries(CUTS)) {
    yield [
      `cut-${name}`,
      {
        ...row,
        harm: 'fails',
        spoil: (answer) => [send(headOf(answer)), send(answer.body.subarray(0, at(answer))), CLOSE],
      },
    ]
    // As if that were all.
    yield [
      `end-${name}`,
      {
        ...row,
        harm: 'lies',
        resizes: true,
        spoil: (answer) => withBody(answer, answer.body.subarray(0, at(answer))),
      },
    ]
  }
}

function* edits(): Generator<[string, HttpFault]> {
  for (const edit of CAR_EDITS) {
    yield [
      `car-${edit}`,
      { harm: 'lies', car: true, spoil: (answer) => withBody(answer, editedCar(answer.body, edit)) },
    ]
  }
}

/** Another length in the head than that of the body. */
function lengthOf(text: (length: number) => string, harm: Harm): HttpFault {
  return {
    harm,
    spoil: (answer) => [
      send(headOf(answer, { 'content-length': text(answer.length ?? answer.body.length) })),
      send(answer.body),
      CLOSE,
    ],
  }
}

function status(code: number, headers: Record<string, string> = {}, row: Partial<FaultRow> = {}): HttpFault {
  const body = Buffer.from('told to fail\n')
  return {
    harm: 'fails',
    ...row,
    spoil: () =>
      withBody({ status: code, headers: { 'content-type': 'text/plain', ...headers }, body }, body),
  }
}

function redirect(location: (url: string) => string): HttpFault {
  return {
    harm: 'fails',
    spoil: (_, url) => [
      send(messageOf({ status: 302, headers: { location: location(url) }, body: Buffer.alloc(0) })),
      CLOSE,
    ],
  }
}

/** In eight pieces with a pause after each. */
function* dripped(bytes: Uint8Array): Generator<Step> {
  const size = Math.ceil(bytes.length / 8)
  for (let at = 0; at < bytes.length; at += size) {
    yield send(bytes.subarray(at, at + size))
    yield { kind: 'wait', ms: 60 }
  }
}

const PAGE = Buffer.from('<!DOCTYPE html><html><body>Sign in to continue</body></html>')

export const HTTP_FAULTS: Readonly<Record<string, HttpFault>> = {
  'flip-first': flip(() => 0),
  'flip-middle': flip((length) => length >> 1),
  'flip-last': flip((length) => length - 1),
  'cut-in-head': {
    harm: 'fails',
    spoil: (answer) => [send(headOf(answer).subarray(0, 40)), CLOSE],
  },
  ...Object.fromEntries(cuts()),
  // As if that were all, and nothing says how long it is.
  'end-chunked': {
    harm: 'fails',
    spoil: (answer) => {
      const piece = answer.body.subarray(0, half(answer))
      const framed = piece.length === 0 ? [] : [`${piece.length.toString(16)}\r\n`, piece, '\r\n']
      const bytes = [...framed, '0\r\n\r\n'].map((part) =>
        typeof part === 'string' ? Buffer.from(part) : part,
      )
      return [send(headOf(answer, { 'transfer-encoding': 'chunked' })), ...bytes.map(send), CLOSE]
    },
  },
  'cut-chunk': {
    harm: 'fails',
    spoil: (answer) => {
      const piece = answer.body.subarray(0, half(answer))
      const head = headOf(answer, { 'transfer-encoding': 'chunked' })
      return [send(head), send(Buffer.from(`${(piece.length + 1).toString(16)}\r\n`)), send(piece), CLOSE]
    },
  },
  'extra-announced': {
    harm: 'lies',
    resizes: true,
    spoil: (answer) => withBody(answer, Buffer.concat([answer.body, Buffer.alloc(1000, 0x2e)])),
  },
  // What comes behind an answer is no part of it.
  'extra-behind': {
    harm: 'none',
    spoil: (answer) => [send(messageOf(answer)), send(Buffer.alloc(1000, 0x2e)), CLOSE],
  },
  'length-too-short': {
    ...lengthOf((length) => String(Math.max(0, length - 10)), 'lies'),
    resizes: true,
  },
  'length-too-long': { ...lengthOf((length) => String(length + 10), 'lies'), resizes: true },
  'length-nonsense': lengthOf(() => 'many', 'fails'),
  'length-twice': lengthOf((length) => `${length}\r\nContent-Length: ${length + 1}`, 'fails'),
  'stall-head': { harm: 'fails', spoil: () => [HANG] },
  'stall-in-head': { harm: 'fails', spoil: (answer) => [send(headOf(answer).subarray(0, 40)), HANG] },
  'stall-body': { harm: 'fails', spoil: (answer) => [send(headOf(answer)), HANG] },
  'stall-half': {
    harm: 'fails',
    spoil: (answer) => [send(headOf(answer)), send(answer.body.subarray(0, half(answer))), HANG],
  },
  'reset-head': { harm: 'fails', spoil: () => [RESET] },
  'reset-half': {
    harm: 'fails',
    spoil: (answer) => [
      send(headOf(answer)),
      send(answer.body.subarray(0, half(answer))),
      { kind: 'wait', ms: 20 },
      RESET,
    ],
  },
  'status-400': status(400, {}, { lasting: true }),
  'status-403': status(403, {}, { refuses: true }),
  'status-404': status(404, {}, { refuses: true, lasting: true }),
  'status-410': status(410),
  'status-429': status(429, {}, { refuses: true }),
  'status-429-later': status(429, { 'retry-after': '1' }, { refuses: true, wide: true }),
  'status-451': status(451),
  'status-500': status(500),
  'status-502': status(502),
  'status-503': status(503, { 'retry-after': '1' }),
  'status-504': status(504),
  html: {
    harm: 'fails',
    spoil: () => withBody({ status: 200, headers: { 'content-type': 'text/html' }, body: PAGE }, PAGE),
  },
  // Whatever the request says, and the head tells it.
  gzip: {
    harm: 'fails',
    spoil: (answer) => {
      const headers = { ...answer.headers, 'content-encoding': 'gzip' }
      return withBody({ ...answer, headers }, gzipSync(answer.body))
    },
  },
  empty: { harm: 'lies', resizes: true, spoil: (answer) => withBody(answer, Buffer.alloc(0)) },
  'redirect-to-itself': redirect((url) => url),
  'redirect-on-and-on': redirect((url) => `${url}${url.includes('?') ? '&' : '?'}on=${url.length}`),
  'drip-head': {
    harm: 'none',
    spoil: (answer) => [...dripped(headOf(answer)), send(answer.body), CLOSE],
  },
  'drip-body': {
    harm: 'none',
    spoil: (answer) => [send(headOf(answer)), ...dripped(answer.body), CLOSE],
  },
  ...Object.fromEntries(edits()),
}
