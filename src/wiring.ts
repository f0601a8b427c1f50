import { tmpdir } from 'node:os'
import type { Program } from './cli/program.ts'
import type { Config } from './config/config.ts'
import { Failure, isFailure } from './errors.ts'
import { silentLogger } from './observability/logger.ts'
import { noMetrics } from './observability/metrics.ts'
import { importThrough, inspectThrough, publishThrough } from './wiring/control-client.ts'
import { embeddedPublisher, kuboPublisher, storeImporter } from './wiring/publishing.ts'
import { buildBackend } from './wiring/repositories.ts'
import { serve } from './wiring/serve.ts'
import { locateSources } from './wiring/sources.ts'
import { createBufferPool, openStore, type OpenStore } from './wiring/store.ts'

/** Builds the program from its parts; this file and the folder beside it are the only ones to import implementations. */
export function createProgram(): Program {
  return {
    serve,
    async publish(config, request) {
      if (request.to === 'kubo') {
        return (await kuboPublisher(config, tmpdir(), request.signal)).publish(request)
      }
      return withStore(
        config,
        (store) => embeddedPublisher(store).publish(request),
        (folder) => publishThrough(folder, request),
      )
    },
    import: (config, request) =>
      withStore(
        config,
        (store) => storeImporter(store).import(request),
        (folder) => importThrough(folder, request),
      ),
    inspect: (config, path, { signal }) =>
      config.store.kind === 'memory'
        ? inspectHere(config, undefined, path, signal)
        : withStore(
            config,
            (store) => inspectHere(config, store, path, signal),
            (folder) => inspectThrough(folder, path, signal),
          ),
  }
}

/** Use the store, or, when a running gateway holds it, that gateway. */
async function withStore<T>(
  config: Config,
  here: (store: OpenStore) => Promise<T>,
  through: (folder: string) => Promise<T>,
): Promise<T> {
  if (config.store.kind === 'memory') {
    throw new Failure(
      'SETTINGS_INVALID',
      'with --store memory there is nowhere to put it; name a folder, or publish with --to kubo',
    )
  }
  const { path } = config.store
  let store: OpenStore
  try {
    store = await openStore(config, path, createBufferPool())
  } catch (error) {
    if (!isFailure(error, 'STORE_LOCKED')) throw error
    return through(path)
  }
  try {
    return await here(store)
  } finally {
    await store.close()
  }
}

async function inspectHere(config: Config, store: OpenStore | undefined, path: string, signal: AbortSignal) {
  const located = await locateSources(config, signal)
  const backend = await buildBackend({
    config,
    located,
    store,
    pool: createBufferPool(),
    logger: silentLogger(),
    metrics: noMetrics(),
  })
  try {
    return await backend.repositories.inspect(path, signal)
  } finally {
    await backend.close()
  }
}
