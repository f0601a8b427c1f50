import { chmod, rm } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import type { Published } from '../cli/program.ts'
import type { Address } from '../config/address.ts'
import { Failure, isFailure, messageOf } from '../errors.ts'
import { EXPORT_FORMATS, type ExportRequest, type OpenedExport } from '../export/export.ts'
import { writePieces } from '../http/body.ts'
import type { Importer, ImportResult } from '../import/importer.ts'
import type { Publisher, PublishInput, PublishProgress, PublishResult } from '../publish/publisher.ts'
import type { Inspection } from '../repository/inspection.ts'
import type { Line } from './control-lines.ts'
import type { UseRoots } from './root-commands.ts'
import { answerRootRequest, isRootRequest } from './root-requests.ts'

/** Commands that a gateway does for other processes of its user, since it holds the store. */
export interface Controlled {
  /** Where the gateway takes requests. */
  readonly address: Address
  readonly publisher: (to: string) => Promise<Publisher>
  readonly import: Importer['import']
  /** Do something with the commands about roots. */
  readonly roots: <T>(signal: AbortSignal, use: UseRoots<T>) => Promise<T>
  readonly inspect: (path: string, signal: AbortSignal) => Promise<Inspection>
  readonly export: (request: ExportRequest, signal: AbortSignal) => Promise<OpenedExport>
}

/** Where the socket of a store is. */
export function controlSocket(folder: string): string {
  return join(folder, 'gateway.sock')
}

/** Answers are lines of JSON, see {@link Line}. */
export async function startControlServer(folder: string, controlled: Controlled): Promise<Server> {
  const path = controlSocket(folder)
  await rm(path, { force: true })
  const server = createServer((req, res) => void answer(req, res, controlled))
  server.requestTimeout = 0
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  // Only the user who owns the store may fill it.
  await chmod(path, 0o600)
  return server
}

async function answer(req: IncomingMessage, res: ServerResponse, controlled: Controlled): Promise<void> {
  const abort = new AbortController()
  res.once('close', () => abort.abort(new Failure('CONTENT_UNAVAILABLE', 'the command has ended')))
  const line = (value: Line): void => void res.write(`${JSON.stringify(value)}\n`)
  try {
    const url = new URL(req.url ?? '/', 'http://gateway')
    res.writeHead(200, { 'Content-Type': 'application/x-ndjson' })
    if (url.pathname === '/inspect') {
      line({ result: await controlled.inspect(url.searchParams.get('path') ?? '', abort.signal) })
    } else if (isRootRequest(url.pathname)) {
      const request = url.pathname
      const answered = controlled.roots(abort.signal, (commands) =>
        answerRootRequest(commands, request, url.searchParams, abort.signal),
      )
      line({ result: await answered })
    } else if (url.pathname === '/import') {
      line({ result: await importInto(req, url.searchParams, controlled, line, abort.signal) })
    } else if (url.pathname === '/export') {
      await sendExport(
        res,
        await controlled.export(exportRequest(url.searchParams), abort.signal),
        abort.signal,
      )
      line({ result: null })
    } else {
      const result = await publish(req, url.searchParams, controlled, line, abort.signal)
      const published: Published = { ...result, gateway: controlled.address }
      line({ result: published })
    }
  } catch (error) {
    const code = isFailure(error) ? error.code : 'INTERNAL'
    line({
      failure: { code, message: messageOf(error), detail: isFailure(error) ? error.detail : undefined },
    })
  }
  res.end()
}

async function publish(
  req: IncomingMessage,
  query: URLSearchParams,
  controlled: Controlled,
  line: (value: Line) => void,
  signal: AbortSignal,
): Promise<PublishResult> {
  const name = query.get('name')
  const tag = query.get('tag')
  const publisher = await controlled.publisher(query.get('to') ?? 'embedded')
  return publisher.publish({
    input: inputOf(req, query),
    signal,
    ...(name === null ? {} : { name }),
    ...(tag === null ? {} : { tag }),
    onProgress: progressTo(line),
  })
}

function importInto(
  req: IncomingMessage,
  query: URLSearchParams,
  controlled: Controlled,
  line: (value: Line) => void,
  signal: AbortSignal,
): Promise<ImportResult> {
  const name = query.get('name')
  return controlled.import({
    input: inputOf(req, query),
    allowIncomplete: query.has('allow-incomplete'),
    signal,
    ...(name === null ? {} : { name }),
    onProgress: progressTo(line),
  })
}

function inputOf(req: IncomingMessage, query: URLSearchParams): PublishInput {
  const path = query.get('path')
  return path === null ? { kind: 'stream', stream: req } : { kind: 'path', path }
}

function progressTo(line: (value: Line) => void): (progress: PublishProgress) => void {
  let last = 0
  return (progress) => {
    const now = performance.now()
    if (now - last < 100) return
    last = now
    line({ progress })
  }
}

function exportRequest(query: URLSearchParams): ExportRequest {
  const asked = query.get('format')
  const format = EXPORT_FORMATS.find((one) => one === asked)
  if (format === undefined) throw new Failure('UNSUPPORTED', `this gateway exports nothing as ${asked}`)
  const platform = query.get('platform')
  const name = query.get('name')
  return {
    path: query.get('path') ?? '',
    format,
    ...(platform === null ? {} : { platform }),
    ...(name === null ? {} : { name }),
  }
}

/** Each piece is handed over before the next is asked for. */
async function sendExport(
  res: ServerResponse,
  { summary, body }: OpenedExport,
  signal: AbortSignal,
): Promise<void> {
  res.write(`${JSON.stringify({ summary } satisfies Line)}\n`)
  async function* framed(): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      yield Buffer.from(`${JSON.stringify({ bytes: piece.length } satisfies Line)}\n`)
      yield piece
    }
  }
  await writePieces(res, framed(), { route: 'export', bytes: 0, received: 0 }, signal)
}
