import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { hostname } from 'node:os'
import { Clients } from '../auth/client.ts'
import { formatAddress } from '../config/address.ts'
import type { Config } from '../config/config.ts'
import { isFailure } from '../errors.ts'
import { Notices, type Cause, type Notice } from '../events/notices.ts'
import { exchangeOf } from '../http/exchange.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'
import type { OnRepositoryEvent, RepositoryEvent } from '../registry/repository-event.ts'
import type { RootVersion } from '../roots/root-store.ts'
import { PRIVATE } from './private-root.ts'
import { buildWebhooks } from './webhooks.ts'

/** Characters of what a client calls itself, or this gateway. */
const LONGEST_HEADER = 512
/** ms that the end waits for events to be taken. */
const LAST_DELIVERY = 3_000

/** Tells of what is pushed, deleted, and what becomes of roots: in the log, and to webhooks. */
export interface PushedEvents {
  readonly onRepositoryEvent: OnRepositoryEvent
  readonly onRootVersion: (root: string, version: RootVersion) => void
  /** Deliver what waits, for a short time; at once where the signal aborts. Never throws. */
  close(signal: AbortSignal): Promise<void>
}

export interface PushedEventsParts {
  readonly config: Config
  readonly userAgent: string
  readonly logger: Logger
  readonly metrics: Metrics
}

export function buildPushedEvents(parts: PushedEventsParts): PushedEvents {
  const { config, logger, metrics } = parts
  const webhooks = buildWebhooks(config, parts.userAgent, logger, metrics)
  const clients = new Clients(config.trustedProxy, config.publicUrl)
  const addr = formatAddress({ host: hostname(), port: config.listen.port })
  const notices = new Notices({ addr, instanceID: randomUUID() })
  const send = (notice: () => Notice): void => {
    if (webhooks.all.length === 0) return
    const made = notice()
    for (const webhook of webhooks.all) webhook.accept(made)
  }
  return {
    onRepositoryEvent(event, req) {
      const cause = causeOf(req, clients)
      logRepositoryEvent(logger, event, cause)
      send(() => notices.ofRepository(event, cause))
    },
    onRootVersion(root, { number: version, cid: folder }) {
      const cid = root === PRIVATE ? undefined : folder.toString()
      logger.info('a root has changed', { root, version, ...(cid === undefined ? {} : { cid }) })
      send(() => notices.ofRoot({ root, version, cid }))
    },
    close: (signal) => webhooks.close(AbortSignal.any([signal, AbortSignal.timeout(LAST_DELIVERY)])),
  }
}

const MESSAGES: Readonly<Record<RepositoryEvent['kind'], string>> = {
  'manifest-pushed': 'a manifest was pushed',
  'manifest-deleted': 'a manifest was deleted',
  'tag-deleted': 'a tag was deleted',
  'blob-pushed': 'a blob was pushed',
  'blob-mounted': 'a blob was mounted',
  'blob-deleted': 'a blob was deleted',
}

/** Of blobs there are many, and the access log has each request. */
function logRepositoryEvent(logger: Logger, event: RepositoryEvent, { request, user }: Cause): void {
  const { kind, name, ...facts } = event
  const level = kind.startsWith('blob-') ? 'debug' : 'info'
  logger[level](MESSAGES[kind], { name, ...facts, user, id: request.id })
}

function causeOf(req: IncomingMessage, clients: Clients): Cause {
  const { id, facts } = exchangeOf(req)
  const { host, 'user-agent': agent = '' } = req.headers
  return {
    request: {
      id,
      addr: clients.addressOf(req),
      ...(host === undefined ? {} : { host: host.slice(0, LONGEST_HEADER) }),
      method: req.method ?? '',
      useragent: agent.slice(0, LONGEST_HEADER),
    },
    user: facts.user,
    origin: originOf(req, clients),
  }
}

/** Undefined where the client has called this gateway by something that is no name. */
function originOf(req: IncomingMessage, clients: Clients): string | undefined {
  try {
    return clients.originOf(req)
  } catch (error) {
    if (isFailure(error, 'REQUEST_INVALID')) return undefined
    throw error
  }
}
