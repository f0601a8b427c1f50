import type { Setting } from './setting.ts'
import * as value from './value.ts'

const MINUTE = 60 * 1000
const DAY = 24 * 60 * MINUTE

/** The rows of the table of settings that are about roots and their names. */
export const ROOT_SETTINGS = {
  root: {
    group: 'Pushing',
    schema: value.root(),
    placeholder: 'NAME[=KEY]',
    repeatable: true,
    help: 'one more root that takes pushes, or home; with the name of the IPNS key it is published with',
  },
  'publish-names': {
    group: 'Pushing',
    schema: value.boolean(),
    default: 'true',
    help: 'let the IPNS name of each root lead to what the root is now',
  },
  'ipns-lifetime': {
    group: 'Pushing',
    schema: value.duration({ min: 10 * MINUTE, max: 365 * DAY }),
    placeholder: 'DURATION',
    default: '48h',
    help: 'how long the name of a root is valid without being published again, which is done before half of it is over',
  },
  'ipns-ttl': {
    group: 'Pushing',
    schema: value.duration({ min: 1000, max: DAY }),
    placeholder: 'DURATION',
    default: '1m',
    help: 'how long others may keep what the name of a root led to, so that they see pushes later by as much',
  },
  'ipns-router': {
    group: 'Pushing',
    schema: value.httpUrl(),
    placeholder: 'URL',
    repeatable: true,
    help: 'server of the delegated routing API that the names of roots in the embedded store are given to',
  },
} as const satisfies Record<string, Setting>
