import type { Setting } from './setting.ts'
import * as value from './value.ts'

/** The rows of the table of settings that are about registries of others. */
export const READ_ONLY_ROOT_SETTINGS = {
  'read-only-root': {
    group: 'Names',
    schema: value.readOnlyRoot(),
    placeholder: 'ROOT',
    repeatable: true,
    defaultText: 'none',
    help: "someone else's registry on IPFS, asked for ordinary names before upstreams; ;follow=true keeps a copy here",
  },
} as const satisfies Record<string, Setting>
