import type { Target } from './target.ts'
import { archives } from './targets/archives.ts'
import { carTarget } from './targets/cars.ts'
import { headers } from './targets/headers.ts'
import { ipnsRecords } from './targets/ipns-records.ts'
import { layouts } from './targets/layouts.ts'
import { names } from './targets/names.ts'
import { ranges } from './targets/ranges.ts'
import { requests } from './targets/requests.ts'
import { settings } from './targets/settings.ts'
import { unixfs } from './targets/unixfs.ts'
import { uploads } from './targets/uploads.ts'
import { upstreamAnswers } from './targets/upstream-answers.ts'

/** Everything that reads what others have written. */
export const TARGETS: readonly Target[] = [
  names,
  ranges,
  headers,
  layouts,
  carTarget,
  unixfs,
  ipnsRecords,
  archives,
  settings,
  upstreamAnswers,
  requests,
  uploads,
]
