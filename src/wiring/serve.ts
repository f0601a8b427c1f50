import type { Server } from 'node:http'
import { createApp, type AppOptions } from '../app.ts'
import { BlobThread } from '../cache/blob-thread.ts'
import type { WriteShared } from '../cache/spool.ts'
import type { RunningGateway } from '../cli/program.ts'
import type { Terminal } from '../cli/terminal.ts'
import { formatAddress, type Address } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { createEmbeddedTarget } from '../content/embedded/target.ts'
import { Failure, isFailure, messageOf } from '../errors.ts'
import { ListeningServer } from '../http/server.ts'
import { newGatewayName } from '../http/via.ts'
import { Health } from '../observability/health.ts'
import { createLogger, type Logger } from '../observability/logger.ts'
import { createMetrics, type Metrics } from '../observability/metrics.ts'
import { RecentErrors } from '../observability/recent-errors.ts'
import { SourceRecords } from '../observability/source-records.ts'
import { loadTracing } from '../observability/tracing.ts'
import type { RootVersion } from '../roots/root-store.ts'
import { publishSample } from '../publish/sample/publish-sample.ts'
import { SAMPLE_NAME, SAMPLE_TAG } from '../publish/sample/sample-image.ts'
import { listenAdmin } from './admin.ts'
import { announce } from './announce.ts'
import { appEvents } from './app-events.ts'
import { startControlServer } from './control-server.ts'
import { buildExporter } from './exporting.ts'
import { embeddedPublisher, kuboPublisher, storeImporter } from './publishing.ts'
import { rootCommands, withRootCommands } from './root-commands.ts'
import { keeperIn, rootImporter } from './root-import.ts'
import { checkPrivatePushes } from './private-pushes.ts'
import { buildPushedEvents, type PushedEvents } from './pushed-events.ts'
import { registryOptions } from './registry.ts'
import { buildBackend, type Backend } from './repositories.ts'
import { buildRegistryAccess } from './registry-access.ts'
import { locateSources, type LocatedSource } from './sources.ts'
import { createBufferPool, openStore, type OpenStore } from './store.ts'
import { tracedRequests, tracedSources } from './traces.ts'
import { buildTrustless } from './trustless.ts'
import { beginAtZero } from './zero-metrics.ts'

/** Builds a gateway from its settings and starts it. */
export async function serve(config: Config, terminal: Terminal): Promise<RunningGateway> {
  const errors = new RecentErrors()
  const sourceRecords = new SourceRecords()
  const logger = createLogger({
    level: config.logLevel,
    format: config.logFormat,
    stream: terminal.stderr,
    onTrouble: (entry) => errors.line(entry),
  })
  const exposed = createMetrics()
  const { metrics } = exposed
  const authorization = await buildRegistryAccess(config, logger)
  const privatePushes = authorization?.privatePushes() ?? []
  checkPrivatePushes(config, privatePushes)
  const pool = createBufferPool()
  const blobThread = new BlobThread()
  const store = await openConfiguredStore(config, pool, { metrics, writeShared: blobThread.write })
  const tracing = await loadTracing(terminal.version)
  const located = tracedSources(tracing, await locateSources(config, terminal.signal))
  const gateway = newGatewayName()
  const identity = { via: gateway, userAgent: `ipfs-registry-gateway/${terminal.version}` }
  const access = authorization?.access
  const isPrivate =
    access === undefined ? undefined : (name: string) => access.isPrivate({ name, namespace: undefined })
  const pushedEvents = buildPushedEvents({ config, userAgent: identity.userAgent, logger, metrics })
  const { onRootVersion } = pushedEvents
  const serving = { blobThread, identity, signal: terminal.signal, isPrivate, onRootVersion }
  const parts = { config, located, store, pool, logger, metrics, sourceRecords, tracing, serving }
  const backend = await buildBackend(parts).catch(async (error: unknown) => {
    await store?.close()
    throw error
  })
  beginAtZero(metrics, backend, config.webhooks)
  const trustless =
    config.ipfsGateway === 'off'
      ? undefined
      : buildTrustless({ config, located, store, policy: backend.policy })
  const apart = typeof config.ipfsGateway === 'object' ? config.ipfsGateway : undefined
  const registry = registryOptions(config, backend, gateway, access, pushedEvents.onRepositoryEvent)
  const serveToken = authorization?.serveToken
  const scheme = config.tlsCert === undefined ? 'http' : 'https'
  const answering = { events: appEvents(logger, metrics, errors), around: tracedRequests(tracing, scheme) }
  const server = await listen(config, config.listen, logger, answering, {
    registry,
    serveToken,
    trustless: apart === undefined ? trustless : undefined,
  })
  const mirrors: ListeningServer[] = []
  for (const { address, upstream } of config.mirrors) {
    const mirror = { serveToken, registry: { ...registry, mirrorOf: upstream } }
    mirrors.push(await listen(config, address, logger, answering, mirror))
  }
  const blockServer =
    apart === undefined ? undefined : await listen(config, apart, logger, answering, { trustless })
  const address = { host: config.listen.host, port: server.port }
  const control =
    store === undefined
      ? undefined
      : await startControl(config, located, store, backend, pushedEvents, address, logger)
  const health = new Health({
    storeReady: () => true,
    sources: backend.sources,
    onSource: (source, healthy) => metrics.sourceHealthy.set({ source }, healthy ? 1 : 0),
  })
  await health.start()
  const readiness = () => health.readiness()
  const { version } = terminal
  const admin = await listenAdmin({
    config,
    version,
    backend,
    store,
    exposed,
    sourceRecords,
    errors,
    readiness,
  })
  const url = `${scheme}://${formatAddress(address)}`
  const ipfsGateway =
    apart === undefined
      ? trustless === undefined
        ? 'off'
        : 'on'
      : `${scheme}://${formatAddress({ host: apart.host, port: blockServer?.port ?? apart.port })}`
  announce(logger, config, {
    url,
    ipfsGateway,
    sources: backend.sources.map(({ name }) => name),
    mirrorPorts: mirrors.map(({ port }) => port),
    folder: store?.folder,
    privatePushes,
  })
  return {
    url,
    adminUrl:
      admin === undefined || config.adminListen === undefined
        ? undefined
        : `http://${formatAddress({ host: config.adminListen.host, port: admin.port })}`,
    lines: config.sample && store !== undefined ? await sampleLines(store, server.port, terminal.signal) : [],
    async stop(signal) {
      health.drain()
      logger.info('stopping: what is under way may end')
      const cut = new Promise<void>((resolve) => {
        if (signal.aborted) resolve()
        else signal.addEventListener('abort', () => resolve(), { once: true })
      })
      const servers = [server, ...mirrors, ...(blockServer === undefined ? [] : [blockServer])]
      await Promise.race([Promise.all(servers.map((one) => one.close(config.shutdownGrace))), cut])
      await Promise.all(servers.map((one) => one.close(0)))
      health.stop()
      authorization?.close()
      control?.closeAllConnections()
      control?.close()
      await admin?.close(0)
      await backend.close()
      await pushedEvents.close(signal)
      await store?.close()
      exposed.close()
      logger.flush()
    },
  }
}

async function openConfiguredStore(
  config: Config,
  pool: ReturnType<typeof createBufferPool>,
  parts: { readonly metrics: Metrics; readonly writeShared: WriteShared },
): Promise<OpenStore | undefined> {
  if (config.store.kind === 'memory') return undefined
  try {
    return await openStore(config, config.store.path, pool, parts)
  } catch (error) {
    if (!isFailure(error, 'STORE_LOCKED')) throw error
    throw new Failure(
      'STORE_LOCKED',
      `${error.message}: another gateway serves it already. Give this one a store of its own (--store DIR), or stop that one`,
      { cause: error },
    )
  }
}

async function startControl(
  config: Config,
  located: readonly LocatedSource[],
  store: OpenStore,
  backend: Backend,
  events: PushedEvents,
  address: Address,
  logger: Logger,
): Promise<Server | undefined> {
  try {
    return await startControlServer(store.folder, {
      address,
      publisher: (to) =>
        to === 'kubo'
          ? kuboPublisher(config, store.blobs.workFolder, new AbortController().signal)
          : Promise.resolve(embeddedPublisher(store, backend.openSums)),
      async import(request) {
        const imported = await storeImporter(store).import(request)
        if (imported.kind === 'ipns-record') backend.resolver.learned(imported.name)
        return imported
      },
      roots: (signal, use) => {
        const { roots, resolver } = backend
        if (roots === undefined) return withRootCommands({ config, store, signal }, use)
        const { kept, names } = roots
        const keeper = keeperIn(config, located, store, kept)
        const onImport = (root: string, version: RootVersion): void => {
          events.onRootVersion(root, version)
          names.publisher?.changed(root)
        }
        const importer = rootImporter({ config, kept, keeper, resolver, onImport })
        return use(rootCommands(kept, names, importer))
      },
      inspect: (path, signal) => backend.repositories.inspect(path, signal),
      export: buildExporter(config, located, store, backend),
    })
  } catch (error) {
    logger.warn('commands can not use this store while the gateway runs', { error: messageOf(error) })
    return undefined
  }
}

function listen(
  config: Config,
  address: Address,
  logger: Logger,
  answering: Pick<AppOptions, 'events' | 'around'>,
  protocols: Pick<AppOptions, 'registry' | 'serveToken' | 'trustless'>,
): Promise<ListeningServer> {
  const handler = createApp({
    ...protocols,
    ...answering,
    answerTimeout: config.answerTimeout,
    maxRequests: config.maxRequests,
  })
  const { tlsCert, tlsKey } = config
  return ListeningServer.listen(handler, {
    ...address,
    tls: tlsCert === undefined || tlsKey === undefined ? undefined : { cert: tlsCert, key: tlsKey },
    onTlsError: (error) => logger.error('the new certificate can not be used', { error: messageOf(error) }),
  })
}

async function sampleLines(store: OpenStore, port: number, signal: AbortSignal): Promise<string[]> {
  const { root } = await publishSample(createEmbeddedTarget(store), signal)
  return [`docker run --rm localhost:${port}/ipfs/${root}/${SAMPLE_NAME}:${SAMPLE_TAG}`]
}
