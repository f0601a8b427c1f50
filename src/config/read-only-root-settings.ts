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
    help: 'registry of someone else on IPFS, for names that are not pushed here: /ipns/NAME[;follow=true][;only=GLOB]',
  },
} as const satisfies Record<string, Setting>
