import type { Config } from '../config/config.ts'
import { SYSTEM_CLOCK } from '../content/clock.ts'
import { createDispatcher } from '../content/transport/dispatcher.ts'
import { endpointAt } from '../content/transport/endpoint.ts'
import { ENVELOPE_TYPE } from '../events/envelope.ts'
import { postTo } from '../events/post.ts'
import { Webhook, type DeliveryEvents } from '../events/webhook.ts'
import type { Logger } from '../observability/logger.ts'
import type { Metrics } from '../observability/metrics.ts'

export interface BuiltWebhooks {
  readonly all: readonly Webhook[]
  /** Send what waits, until the signal aborts. Never throws. */
  close(signal: AbortSignal): Promise<void>
}

/** The receivers of events that the settings name. Any address will do, since the operator has named it. */
export function buildWebhooks(
  config: Config,
  userAgent: string,
  logger: Logger,
  metrics: Metrics,
): BuiltWebhooks {
  const dispatcher = createDispatcher({ proxy: config.proxy })
  const all = config.webhooks.map(({ name, url, headers, events, batch, timeout }) => {
    const { origin, pathname, search } = new URL(url)
    const endpoint = endpointAt(origin, {
      name: `the webhook ${name}`,
      dispatcher,
      headers: { 'content-type': ENVELOPE_TYPE, 'user-agent': userAgent, ...headers },
      answerTimeout: timeout,
      stallTimeout: timeout,
    })
    return new Webhook({
      interests: events,
      post: postTo(endpoint, pathname + search),
      batch,
      queue: config.webhookQueue,
      retryFor: config.webhookRetry,
      clock: SYSTEM_CLOCK,
      random: Math.random,
      events: deliveryEvents(name, logger, metrics),
    })
  })
  return {
    all,
    async close(signal) {
      await Promise.all(all.map((webhook) => webhook.close(signal)))
      await dispatcher.destroy()
    },
  }
}

function deliveryEvents(webhook: string, logger: Logger, metrics: Metrics): DeliveryEvents {
  return {
    delivered(count, failures) {
      metrics.webhookEvents.add({ webhook, result: 'delivered' }, count)
      if (failures > 0) logger.info('a webhook takes events again', { webhook, failures })
    },
    failed(reason, failures, wait) {
      metrics.webhookFailures.add({ webhook })
      logger.warn('a webhook takes no events', { webhook, error: reason, failures, again_ms: wait })
    },
    lost({ id, action, target }, result, reason) {
      metrics.webhookEvents.add({ webhook, result })
      const { repository, tag, digest, root, version } = target
      const event = { event: id, action, repository, tag, digest, root, version }
      logger.warn('a webhook does not get an event', { webhook, result, reason, ...event })
    },
    waiting: (length) => metrics.webhookWaiting.set({ webhook }, length),
  }
}
