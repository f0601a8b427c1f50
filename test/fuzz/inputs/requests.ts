import fc from 'fast-check'
import { edits, type Edit } from './bytes.ts'
import { digestText, nameText, tagText } from './names.ts'
import { hostile, textOf } from './text.ts'

/** A request as it goes over the wire, and how it goes. */
export interface WireRequest {
  readonly method: string
  readonly target: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly body: Uint8Array
  /** What of the form is wrong. */
  readonly edits: readonly Edit[]
}

/** What there is at the gateway: requests that ask for this get deeper than others. */
export interface Known {
  /** `ipfs/<cid>`, names of pushed repositories. */
  readonly names: readonly string[]
  readonly references: readonly string[]
  readonly digests: readonly string[]
  readonly tokens: readonly string[]
}

const METHODS = [
  'GET',
  'GET',
  'GET',
  'HEAD',
  'HEAD',
  'PUT',
  'POST',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'PROPFIND',
  'QUERY',
  'X',
]
const HEADERS = [
  ...[
    'Range',
    'If-Range',
    'If-None-Match',
    'Accept',
    'Accept-Encoding',
    'Authorization',
    'Content-Type',
    'Content-Range',
  ],
  ...[
    'Via',
    'X-Request-Id',
    'X-Forwarded-For',
    'X-Forwarded-Proto',
    'Forwarded',
    'Origin',
    'Sec-Fetch-Site',
    'Cookie',
  ],
  ...[
    'Expect',
    'Connection',
    'Upgrade',
    'Transfer-Encoding',
    'Content-Encoding',
    'Cache-Control',
    'Host',
    'TE',
    'traceparent',
  ],
]

export function requests(known: Known): fc.Arbitrary<WireRequest> {
  const name = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...known.names) },
    { weight: 1, arbitrary: nameText },
  )
  const digest = fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom(...known.digests) },
    { weight: 1, arbitrary: digestText },
  )
  const reference = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...known.references) }, digest, tagText)
  const query = fc.oneof(
    { weight: 3, arbitrary: fc.constant('') },
    {
      weight: 2,
      arbitrary: textOf(
        [
          '?',
          'n=',
          '2',
          '&',
          'last=',
          'v1',
          'ns=',
          'docker.io',
          'artifactType=',
          'digest=',
          'mount=',
          'from=',
          'tag=',
          'scope=repository:a:pull',
          'format=car',
          'format=raw',
          '&dag-scope=entity',
          '&entity-bytes=0:5',
          '%0d%0a',
          '#',
          ...known.digests.slice(0, 2),
        ],
        6,
      ).map((text) => `?${text}`),
    },
  )
  const path = fc.oneof(
    { weight: 6, arbitrary: fc.tuple(fc.constant('/v2/'), name, fc.constant('/manifests/'), reference) },
    { weight: 6, arbitrary: fc.tuple(fc.constant('/v2/'), name, fc.constant('/blobs/'), digest) },
    {
      weight: 2,
      arbitrary: fc.tuple(
        fc.constant('/v2/'),
        name,
        fc.constantFrom('/tags/list', '/blobs/uploads/', '/blobs/uploads/x', '/referrers/'),
        fc.constantFrom('', ...known.digests),
      ),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(
        fc.constantFrom(
          '/v2/',
          '/v2',
          '/v2/_catalog',
          '/v2/token',
          '/',
          '*',
          '',
          '/metrics',
          '//v2/',
          'http://a/v2/',
        ),
      ),
    },
    {
      weight: 3,
      arbitrary: fc.tuple(
        fc.constantFrom('/', '/ipns/'),
        name,
        fc.constantFrom('', '/', '/index.json', '/blobs', '/a%2fb', '/..'),
      ),
    },
    {
      weight: 2,
      arbitrary: fc.array(fc.oneof(hostile, name, fc.constantFrom('/v2/', '/', '/ipfs/')), { maxLength: 5 }),
    },
  )
  const value = fc.oneof(
    {
      weight: 4,
      arbitrary: textOf(
        [
          'bytes=',
          '0-',
          '5',
          '-3',
          ',',
          '2-7',
          '"',
          '"*"',
          'W/',
          ...known.digests.slice(0, 3),
          ...known.tokens,
          'Bearer ',
          'Basic ',
          'application/vnd.ipld.car',
          'application/json',
          'application/vnd.oci.image.manifest.v1+json',
          'gzip',
          'chunked',
          'identity',
          '100-continue',
          'close',
          'keep-alive',
          'h2c',
          '1.1 a',
          'http://a',
          'cross-site',
          '127.0.0.1',
          'only-if-cached',
          'localhost',
          ':5000',
          '0-4',
          '9',
        ],
        4,
      ),
    },
    { weight: 1, arbitrary: hostile },
    { weight: 1, arbitrary: fc.constantFrom('a'.repeat(3000), 'bytes=' + '0-0,'.repeat(400) + '1-1') },
  )
  return fc.record(
    {
      method: fc.constantFrom(...METHODS),
      target: fc.tuple(path, query).map(([parts, rest]) => parts.join('') + rest),
      headers: fc.array(
        fc.tuple(
          fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...HEADERS) }, { weight: 1, arbitrary: hostile }),
          value,
        ),
        { maxLength: 4 },
      ),
      body: fc.oneof(
        { weight: 3, arbitrary: fc.constant(new Uint8Array()) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 40 }) },
      ),
      edits: fc.oneof({ weight: 4, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: edits }),
    },
    { noNullPrototype: true },
  )
}
