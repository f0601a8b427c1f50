import type { Setting } from './setting.ts'
import * as value from './value.ts'
import { showWebhook } from './format-webhook.ts'

const DAY = 24 * 60 * 60 * 1000

/** The rows of the table of settings that are about telling others of what was pushed. */
export const EVENT_SETTINGS = {
  webhook: {
    group: 'Events',
    schema: value.webhook(),
    placeholder: 'URL',
    repeatable: true,
    shown: showWebhook,
    help: 'receiver that is told of pushes, deletions and new versions of roots, as distribution does it',
  },
  'webhook-queue': {
    group: 'Events',
    schema: value.count({ min: 1, max: 100_000 }),
    placeholder: 'N',
    default: '1000',
    help: 'events that may wait for one receiver; the oldest makes room for one more',
  },
  'webhook-retry': {
    group: 'Events',
    schema: value.duration({ max: DAY }),
    placeholder: 'DURATION',
    default: '1h',
    help: 'how long an event that a receiver could not take is sent again',
  },
} as const satisfies Record<string, Setting>
