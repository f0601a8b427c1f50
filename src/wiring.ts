import { tmpdir } from 'node:os'
import { BlobThread } from './cache/blob-thread.ts'
import type { WriteShared } from './cache/spool.ts'
import type { Program } from './cli/program.ts'
import type { Config } from './config/config.ts'
import { Failure, isFailure } from './errors.ts'
import { checkOutput } from './export/output.ts'
import { silentLogger } from './observability/logger.ts'
import { noMetrics } from './observability/metrics.ts'
import {
  exportThrough,
  importThrough,
  inspectThrough,
  publishThrough,
  rootCommandsThrough,
} from './wiring/control-client.ts'
import { buildExporter, writeExport, type Exporter } from './wiring/exporting.ts'
import { embeddedPublisher, kuboPublisher, storeImporter } from './wiring/publishing.ts'
import { buildBackend, type Backend } from './wiring/repositories.ts'
import { withRootCommands, type UseRoots } from './wiring/root-commands.ts'
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
      const thread = new BlobThread()
      try {
        return await withStore(
          config,
          async (store) => {
            await thread.start()
            return embeddedPublisher(store, thread.open).publish(request)
          },
          (folder) => publishThrough(folder, request),
          thread.write,
        )
      } finally {
        await thread.close()
      }
    },
    import: (config, request) =>
      withStore(
        config,
        (store) => storeImporter(store).import(request),
        (folder) => importThrough(folder, request),
      ),
    inspect: (config, path, { signal }) =>
      withContent(
        config,
        signal,
        ({ repositories }) => repositories.inspect(path, signal),
        (folder) => inspectThrough(folder, path, signal),
      ),
    roots: (config, { signal }) => withRoots(config, signal, (commands) => commands.roots(signal)),
    importRoot: (config, wanted, { signal }) =>
      withRoots(config, signal, (commands) => commands.import(wanted, signal)),
    gc: (config, dryRun, { signal }) => withRoots(config, signal, (commands) => commands.gc(dryRun, signal)),
    unpublish: (config, path, { signal }) =>
      withRoots(config, signal, (commands) => commands.unpublish(path, signal)),
    async export(config, request) {
      const { output, signal } = request
      await checkOutput(output)
      return withContent(
        config,
        signal,
        async (backend) => writeExport(await backend.export(request, signal), request),
        (folder) => exportThrough(folder, request, signal, (opened) => writeExport(opened, request)),
      )
    },
  }
}

/** Use the store, or, when a running gateway holds it, that gateway. */
async function withStore<T>(
  config: Config,
  here: (store: OpenStore) => Promise<T>,
  through: (folder: string) => Promise<T>,
  writeShared?: WriteShared,
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
    store = await openStore(config, path, createBufferPool(), { writeShared })
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

/** Use the roots where they are kept, or through the running gateway that holds the store. */
function withRoots<T>(config: Config, signal: AbortSignal, use: UseRoots<T>): Promise<T> {
  const here = (store?: OpenStore): Promise<T> => withRootCommands({ config, store, signal }, use)
  return config.store.kind === 'memory'
    ? here()
    : withStore(config, here, (folder) => use(rootCommandsThrough(folder)))
}

/** Use what the sources have, and the store where there is one, or the running gateway that holds it. */
function withContent<T>(
  config: Config,
  signal: AbortSignal,
  here: (backend: Backend & { export: Exporter }) => Promise<T>,
  through: (folder: string) => Promise<T>,
): Promise<T> {
  const withBackend = async (store: OpenStore | undefined): Promise<T> => {
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
      return await here({ ...backend, export: buildExporter(config, located, store, backend) })
    } finally {
      await backend.close()
    }
  }
  return config.store.kind === 'memory' ? withBackend(undefined) : withStore(config, withBackend, through)
}
