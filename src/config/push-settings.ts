import type { Setting } from './setting.ts'
import * as value from './value.ts'

const DAY = 24 * 60 * 60 * 1000

/** The rows of the table of settings that are about pushing. */
export const PUSH_SETTINGS = {
  push: {
    group: 'Pushing',
    schema: value.boolean(),
    default: 'false',
    help: 'take images that clients push, into the home root of this gateway',
  },
  'push-to': {
    group: 'Pushing',
    schema: value.choice('auto', 'embedded', 'kubo'),
    placeholder: 'auto|embedded|kubo',
    default: 'auto',
    help: 'where pushed images are kept: embedded, kubo (the first source of that kind), or auto: kubo where a source names one',
  },
  delete: {
    group: 'Pushing',
    schema: value.boolean(),
    default: 'false',
    help: 'let clients delete tags, manifests and blobs that were pushed',
  },
  'immutable-tags': {
    group: 'Pushing',
    schema: value.tagGlob(),
    placeholder: 'REPOSITORY:TAG',
    repeatable: true,
    defaultText: 'none',
    help: 'tags that, once pushed, stay what they are, as team/**:v*; they can be deleted where --delete allows it',
  },
  'upload-timeout': {
    group: 'Pushing',
    schema: value.duration({ min: 1000, max: 30 * DAY }),
    placeholder: 'DURATION',
    default: '24h',
    help: 'how long an upload without a request is kept, and a blob that no manifest names',
  },
  'root-history': {
    group: 'Pushing',
    schema: value.count({ min: 1, max: 10_000 }),
    placeholder: 'N',
    default: '20',
    help: 'versions of a root that are kept, the current one included',
  },
} as const satisfies Record<string, Setting>
