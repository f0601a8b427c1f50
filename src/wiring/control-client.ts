import { resolve } from 'node:path'
import { Readable } from 'node:stream'
import type { Published } from '../cli/program.ts'
import type { Collected, ImportedRoot, RootReport, Unpublished } from '../cli/root-reports.ts'
import { createDispatcher } from '../content/transport/dispatcher.ts'
import { Failure, messageOf } from '../errors.ts'
import type { ExportRequest, OpenedExport } from '../export/export.ts'
import type { ImportRequest, ImportResult } from '../import/importer.ts'
import type { PublishInput, PublishProgress, PublishRequest } from '../publish/publisher.ts'
import type { Inspection } from '../repository/inspection.ts'
import { readLines, type Line } from './control-lines.ts'
import { controlSocket } from './control-server.ts'
import type { RootCommands } from './root-commands.ts'
import type { RootRequest } from './root-requests.ts'

/** Publish through the gateway that holds the store. @throws what the gateway's own publishing throws */
export async function publishThrough(
  folder: string,
  request: PublishRequest & { to: string },
): Promise<Published> {
  const query = new URLSearchParams({ to: request.to })
  if (request.name !== undefined) query.set('name', request.name)
  if (request.tag !== undefined) query.set('tag', request.tag)
  const body = addInput(query, request.input)
  const path = `/publish?${query.toString()}`
  return (await ask(folder, path, request.signal, body, request.onProgress)) as Published
}

/** Import through the gateway that holds the store. @throws what the gateway's own importing throws */
export async function importThrough(folder: string, request: ImportRequest): Promise<ImportResult> {
  const query = new URLSearchParams()
  if (request.name !== undefined) query.set('name', request.name)
  if (request.allowIncomplete) query.set('allow-incomplete', '')
  const body = addInput(query, request.input)
  const path = `/import?${query.toString()}`
  return (await ask(folder, path, request.signal, body, request.onProgress)) as ImportResult
}

/** @returns what has to be sent, since the gateway can't read it by itself */
function addInput(query: URLSearchParams, input: PublishInput): Readable | undefined {
  if (input.kind === 'stream') return Readable.from(input.stream)
  query.set('path', resolve(input.path))
  return undefined
}

/** Inspect through the gateway that holds the store. */
export async function inspectThrough(folder: string, path: string, signal: AbortSignal): Promise<Inspection> {
  const query = new URLSearchParams({ path })
  return (await ask(folder, `/inspect?${query.toString()}`, signal)) as Inspection
}

/**
 * Export through the gateway that holds the store.
 *
 * @param use takes the export; its body throws too when the gateway fails or ends before all has come
 * @throws what the gateway's own exporting throws, and `use`
 */
export async function exportThrough<T>(
  folder: string,
  request: ExportRequest,
  signal: AbortSignal,
  use: (opened: OpenedExport) => Promise<T>,
): Promise<T> {
  const query = new URLSearchParams({ path: request.path, format: request.format })
  if (request.platform !== undefined) query.set('platform', request.platform)
  if (request.name !== undefined) query.set('name', request.name)
  const answer = answersTo(folder, `/export?${query.toString()}`, signal)
  try {
    const first = await answer.next()
    if (first.done === true || first.value.summary === undefined) throw cut()
    return await use({ summary: first.value.summary, body: piecesIn(answer) })
  } finally {
    await answer.return(undefined)
  }
}

async function* piecesIn(answer: AsyncGenerator<Line>): AsyncGenerator<Uint8Array> {
  for await (const { piece } of answer) if (piece !== undefined) yield piece
}

/** The commands about roots, done by the gateway that holds the store. */
export function rootCommandsThrough(folder: string): RootCommands {
  const request = (path: RootRequest, query: Record<string, string>, signal: AbortSignal): Promise<unknown> =>
    ask(folder, `${path}?${new URLSearchParams(query).toString()}`, signal)
  return {
    roots: async (signal) => (await request('/roots', {}, signal)) as RootReport[],
    import: async (wanted, signal) => (await request('/import-root', { ...wanted }, signal)) as ImportedRoot,
    gc: async (dryRun, signal) =>
      (await request('/gc', dryRun ? { 'dry-run': '' } : {}, signal)) as Collected,
    unpublish: async (path, signal) => (await request('/unpublish', { path }, signal)) as Unpublished,
  }
}

async function ask(
  folder: string,
  path: string,
  signal: AbortSignal,
  body?: Readable,
  onProgress?: (progress: PublishProgress) => void,
): Promise<unknown> {
  let result: unknown
  for await (const line of answersTo(folder, path, signal, body)) {
    if (line.progress !== undefined) onProgress?.(line.progress)
    result = line.result
  }
  return result
}

/** Everything up to the result, which comes last. @throws the failure that the gateway tells; STORE_FAILED without either */
async function* answersTo(
  folder: string,
  path: string,
  signal: AbortSignal,
  body?: Readable,
): AsyncGenerator<Line> {
  const dispatcher = createDispatcher({ socketPath: controlSocket(folder) })
  try {
    const answer = await dispatcher.request({
      origin: 'http://gateway',
      method: 'POST',
      path,
      signal,
      ...(body === undefined ? {} : { body }),
    })
    for await (const line of linesOf(answer.body as AsyncIterable<Uint8Array>, signal)) {
      if (line.failure !== undefined) {
        const { code, message, detail } = line.failure
        throw new Failure(code, message, { detail })
      }
      yield line
      if (line.result !== undefined) return
    }
    throw cut()
  } finally {
    await dispatcher.destroy()
  }
}

async function* linesOf(answer: AsyncIterable<Uint8Array>, signal: AbortSignal): AsyncGenerator<Line> {
  try {
    yield* readLines(answer)
  } catch (error) {
    signal.throwIfAborted()
    throw cut(error)
  }
}

function cut(error?: unknown): Failure {
  const why = error === undefined ? '' : `: ${messageOf(error)}`
  return new Failure('STORE_FAILED', `the gateway that holds the store ended before it had answered${why}`, {
    cause: error,
  })
}
