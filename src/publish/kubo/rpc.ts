import { Readable } from 'node:stream'
import { request } from 'undici'
import type { Dispatcher } from 'undici'
import { Failure, messageOf } from '../../errors.ts'
import { isJsonObject } from '../../layout/json-object.ts'
import type { JsonObject } from '../../layout/json-object.ts'
import type { MultipartBody } from './multipart.ts'

/** How to reach a Kubo node's RPC API. */
export interface KuboAddress {
  /** `http://127.0.0.1:5001`, a path in front of `/api/v0` included. */
  readonly baseUrl: string
  /** What requests go through: connections, TLS and proxies are its business. */
  readonly dispatcher: Dispatcher
  /** Sent with every request, for instance an Authorization. */
  readonly headers?: Readonly<Record<string, string>>
}

export interface Command {
  /** `pin/add` */
  readonly name: string
  /** Several values of one parameter are arguments in their order. */
  readonly parameters: Readonly<Record<string, string | readonly string[]>>
  readonly body?: MultipartBody
  readonly signal: AbortSignal
  /** ms without a byte taken, or an answer begun, after which Kubo is taken for stuck. Default 300 000. */
  readonly patience?: number
}

const PATIENCE = 300_000
/** Bytes of an error message that are read, and of one line of an answer. */
const MAX_TEXT = 64 * 1024

/**
 * Run a command and return the JSON objects of its answer, one per line.
 *
 * @throws Failure CONTENT_UNAVAILABLE when Kubo can't be reached, refuses, or breaks off
 */
export async function* runCommand(kubo: KuboAddress, command: Command): AsyncGenerator<JsonObject> {
  try {
    const answer = await send(kubo, command)
    if (answer.statusCode !== 200) throw refusal(kubo, answer.statusCode, await errorText(answer.body))
    for await (const line of linesOf(answer.body)) yield objectIn(line)
    const late = Object.entries(answer.trailers).find(([name]) => name.toLowerCase() === 'x-stream-error')
    if (late !== undefined) throw broken(String(late[1]))
  } catch (error) {
    command.signal.throwIfAborted()
    if (error instanceof Failure) throw error
    const message = `Kubo does not answer at ${kubo.baseUrl}, or broke off: ${messageOf(error)}`
    throw new Failure('CONTENT_UNAVAILABLE', message, { cause: error })
  }
}

function send(kubo: KuboAddress, command: Command): Promise<Dispatcher.ResponseData> {
  const query = new URLSearchParams(
    Object.entries(command.parameters).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value]),
    ),
  ).toString()
  const { body, patience = PATIENCE } = command
  return request(`${kubo.baseUrl.replace(/\/+$/, '')}/api/v0/${command.name}?${query}`, {
    method: 'POST',
    dispatcher: kubo.dispatcher,
    headers: {
      ...kubo.headers,
      ...(body === undefined ? {} : { 'content-type': body.contentType, ...lengthHeader(body) }),
    },
    body: body === undefined ? null : Readable.from(body.pieces, { objectMode: false }),
    signal: command.signal,
    headersTimeout: patience,
    bodyTimeout: patience,
  })
}

function lengthHeader({ contentLength }: MultipartBody): { 'content-length'?: string } {
  return contentLength === undefined ? {} : { 'content-length': String(contentLength) }
}

async function* linesOf(body: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const piece of body) {
    rest += decoder.decode(piece, { stream: true })
    const lines = rest.split('\n')
    rest = lines.pop() ?? ''
    if (rest.length > MAX_TEXT) throw broken('an endless line')
    yield* lines.filter((line) => line.trim() !== '')
  }
  if (rest.trim() !== '') yield rest
}

function objectIn(line: string): JsonObject {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw broken(`what came is no JSON: ${line.slice(0, 100)}`)
  }
  if (!isJsonObject(value)) throw broken(`what came is no object: ${line.slice(0, 100)}`)
  if (value['Type'] === 'error') throw broken(String(value['Message']))
  return value
}

async function errorText(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = ''
  for await (const piece of body) {
    text += Buffer.from(piece).toString()
    if (text.length > MAX_TEXT) break
  }
  try {
    const value: unknown = JSON.parse(text)
    if (isJsonObject(value) && typeof value['Message'] === 'string') return value['Message']
  } catch {
    // not Kubo's own form of an error
  }
  return text.trim().slice(0, 300)
}

function refusal(kubo: KuboAddress, status: number, text: string): Failure {
  if (status === 401 || status === 403) {
    const advice = 'give the headers it wants, for instance an Authorization'
    return new Failure(
      'CONTENT_UNAVAILABLE',
      `Kubo at ${kubo.baseUrl} does not let us in (${status}): ${advice}`,
    )
  }
  if (status === 404) {
    return new Failure(
      'CONTENT_UNAVAILABLE',
      `what answers at ${kubo.baseUrl} is not the RPC API of a Kubo node`,
    )
  }
  return broken(text === '' ? `status ${status}` : text)
}

function broken(text: string): Failure {
  return new Failure('CONTENT_UNAVAILABLE', `Kubo could not do it: ${text}`)
}
