import type { Setting } from './setting.ts'
import * as value from './value.ts'

const YEAR = 365 * 24 * 60 * 60 * 1000

/** The rows of the table of settings that are about other registries. */
export const UPSTREAM_SETTINGS = {
  upstream: {
    group: 'Upstreams',
    schema: value.upstream(),
    placeholder: 'UPSTREAM',
    default: 'docker.io',
    repeatable: true,
    help: 'a registry that names fall through to, as NAME[=URL][;option=value]; none for no registry at all',
  },
  'default-upstream': {
    group: 'Upstreams',
    schema: value.upstreamName(),
    placeholder: 'NAME|none',
    defaultText: 'docker.io, where it is an upstream',
    help: 'whose images names without a registry mean',
  },
  'upstream-concurrency': {
    group: 'Upstreams',
    schema: value.count({ min: 1, max: 10_000 }),
    placeholder: 'N',
    default: '32',
    help: 'requests under way at once to one host of an upstream',
  },
  'tag-ttl': {
    group: 'Upstreams',
    schema: value.duration({ max: YEAR }),
    placeholder: 'DURATION',
    default: '10s',
    help: 'how long a tag of an upstream is taken as it was, before it is asked for again; 0 asks each time',
  },
  'tag-stale': {
    group: 'Upstreams',
    schema: value.duration({ max: YEAR }),
    placeholder: 'DURATION',
    default: '365d',
    help: 'how long after its last check a tag is served when its upstream cannot be asked; 0 for never',
  },
  local: {
    group: 'Upstreams',
    schema: value.nameGlob(),
    placeholder: 'GLOB',
    repeatable: true,
    defaultText: 'nothing',
    help: 'names that no upstream is ever asked for, as mycorp/**; what is not mapped to IPFS is 404',
  },
  map: {
    group: 'Upstreams',
    schema: value.map(),
    placeholder: 'FILE|/ipns/NAME/PATH',
    help: 'mapping of ordinary names to IPFS: a YAML file, or a path on IPFS; read again when it changes',
  },
  'map-wait': {
    group: 'Upstreams',
    schema: value.duration(),
    placeholder: 'DURATION',
    default: '2s',
    help: 'for a mapped name, time without an answer of IPFS or the upstream until the other is asked as well',
  },
  mirror: {
    group: 'Upstreams',
    schema: value.mirror(),
    placeholder: 'HOST:PORT=NAME',
    repeatable: true,
    defaultText: 'none',
    help: 'a listener that is the mirror of one upstream, for runtimes that do not say which they mean (dockerd)',
  },
  'mirror-timeout': {
    group: 'Upstreams',
    schema: value.duration({ min: 100 }),
    placeholder: 'DURATION',
    default: '5s',
    help: 'until a request to a mirror is answered 504, so that the runtime goes on to the registry itself',
  },
} as const satisfies Record<string, Setting>
