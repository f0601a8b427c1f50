import type { Setting } from './setting.ts'
import * as value from './value.ts'

/** The row of the table of settings that is about who may push without authentication. */
export const PUSH_HOST_SETTINGS = {
  'push-host': {
    group: 'Pushing',
    schema: value.hostName(),
    placeholder: 'NAME',
    repeatable: true,
    defaultText: 'those of the loopback',
    help: 'name or address that clients know this gateway by; without authentication nothing is pushed to any other, since it could be a web page that makes a browser do it',
  },
} as const satisfies Record<string, Setting>
