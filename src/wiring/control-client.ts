import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable } from 'node:stream'
import { Client } from 'undici'
import type { Published } from '../cli/program.ts'
import { Failure, type ErrorCode } from '../errors.ts'
import type { ImportRequest, ImportResult } from '../import/importer.ts'
import type { PublishInput, PublishProgress, PublishRequest } from '../publish/publisher.ts'
import type { Inspection } from '../repository/inspection.ts'
import { controlSocket } from './control-server.ts'

interface Line {
  readonly progress?: PublishProgress
  readonly result?: unknown
  readonly failure?: { code: ErrorCode; message: string; detail?: unknown }
}

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

async function ask(
  folder: string,
  path: string,
  signal: AbortSignal,
  body?: Readable,
  onProgress?: (progress: PublishProgress) => void,
): Promise<unknown> {
  const client = new Client('http://gateway', {
    socketPath: controlSocket(folder),
    headersTimeout: 0,
    bodyTimeout: 0,
  })
  try {
    const answer = await client.request({
      method: 'POST',
      path,
      signal,
      ...(body === undefined ? {} : { body }),
    })
    for await (const text of createInterface({ input: answer.body })) {
      const line = JSON.parse(text) as Line
      if (line.progress !== undefined) onProgress?.(line.progress)
      if (line.failure !== undefined) {
        throw new Failure(line.failure.code, line.failure.message, { detail: line.failure.detail })
      }
      if (line.result !== undefined) return line.result
    }
    throw new Failure('STORE_FAILED', 'the gateway that holds the store ended before it answered')
  } finally {
    await client.destroy()
  }
}
