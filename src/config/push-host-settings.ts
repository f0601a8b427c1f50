import type { Setting } from './setting.ts'
import * as value from './value.ts'

/** The row of the table of settings that is about who may push without authentication. */
export const PUSH_HOST_SETTINGS = {
  'push-host': {
    group: 'Pushing',
    schema: value.hostName(),
    placeholder: 'NAME',
    repeatable: true,
    defaultText: 'only the loopback',
    help: 'name or address by which clients may push to this gateway without authentication, besides localhost',
  },
} as const satisfies Record<string, Setting>
