import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { bases } from 'multiformats/basics'
import type { CID } from 'multiformats/cid'
import { parseKey, parseTarget } from '../../../src/naming/target.ts'
import { parseCid, parsePeerId } from '../../../src/reference/cid.ts'
import { isDigest, parseDigest } from '../../../src/reference/digest.ts'
import { parseNamePattern } from '../../../src/reference/name-pattern.ts'
import { parseRepositoryName } from '../../../src/reference/name.ts'
import { parseTagPattern } from '../../../src/reference/tag-pattern.ts'
import { isTag } from '../../../src/reference/tag.ts'
import { parseRoute } from '../../../src/registry/route.ts'
import { parseTrustlessRoute } from '../../../src/trustless/route.ts'
import { digestText, idText, nameText, patternText, plainName, tagText } from '../inputs/names.ts'
import { hostile, wordOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { attempt, refused } from '../verdict.ts'

/** The grammar of the distribution-spec, "Pulling manifests". */
const SPEC_NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/

/** Names, references, digests and paths of requests. */
export const names = pureTarget('names', 2000, [
  law(
    'a name is what the specification allows, and means the same in its canonical spelling',
    nameText,
    (text) => {
      const parsed = attempt(() => parseRepositoryName(text), 'NAME_INVALID')
      const bySpec = SPEC_NAME.test(text) && text.length <= 255
      if (refused(parsed)) {
        ok(!bySpec || /^ip[fn]s\//.test(text), 'a name that the specification allows is refused')
        return
      }
      equal(parsed.name, text)
      if (parsed.kind === 'upstream') return void ok(bySpec, 'a name is taken that the specification forbids')
      const root = parsed.kind === 'ipfs' ? parsed.root.toString() : parsed.mutable.text
      const again = parseRepositoryName([parsed.kind, root, ...parsed.segments].join('/'))
      ok(again.kind === parsed.kind)
      equal(again.kind === 'ipfs' ? again.root.toString() : again.kind === 'ipns' && again.mutable.text, root)
      deepEqual([...again.segments], [...parsed.segments])
    },
  ),
  law('a CID is the same in every base', idText, (text) => {
    for (const cid of [parseCid(text), parsePeerId(text), parseKey(text)?.key]) {
      if (cid === undefined) continue
      equal(cid.version, 1)
      for (const base of Object.values(bases)) sameCid(parseCid(cid.toString(base.encoder)), cid)
    }
  }),
  law('a digest is its algorithm and as many digits', digestText, (text) => {
    const [algorithm = '', hex = '', ...more] = text.split(':')
    const length = { sha256: 64, sha512: 128 }[algorithm]
    const sound =
      more.length === 0 && hex.length === length && [...hex].every((one) => '0123456789abcdef'.includes(one))
    equal(isDigest(text), sound)
    equal(refused(attempt(() => parseDigest(text), 'DIGEST_INVALID')), !sound)
  }),
  law('a tag is of 128 characters of a few kinds', tagText, (text) => {
    const first = /^[A-Za-z0-9_]$/
    const rest = /^[A-Za-z0-9_.-]$/
    const sound =
      text.length <= 128 && first.test(text.charAt(0)) && text.split('').every((one) => rest.test(one))
    equal(isTag(text), sound)
  }),
  law('a pattern matches what a naive one does', fc.tuple(patternText, plainName), ([text, name]) => {
    if (!/^[^/]+(\/[^/]+)*$/.test(name)) return
    const pattern = attempt(() => parseNamePattern(text), 'SETTINGS_INVALID')
    if (refused(pattern)) return
    const found = pattern.match(name)
    deepEqual(found && [...found], naiveMatch(text.split(/(\*+)/), name))
  }),
  law(
    'a pattern of tags matches what a regular expression does',
    fc.tuple(wordOf(['*', 'a', 'b', '.'], 6), wordOf(['a', 'b', '.'], 8)),
    ([glob, tag]) => {
      const pattern = attempt(() => parseTagPattern(`app:${glob}`), 'SETTINGS_INVALID')
      if (refused(pattern)) return void equal(glob, '')
      const expression = glob.replaceAll('.', '\\.').replaceAll('*', '.*')
      equal(pattern.matches('app', tag), new RegExp(`^${expression}$`).test(tag))
    },
  ),
  law(
    'what a mutable name points to can be written down and read again',
    fc.tuple(fc.constantFrom('/ipfs/', '/ipns/', '/', ''), idText, fc.array(hostile, { maxLength: 3 })),
    ([space, id, rest]) => {
      const target = attempt(() => parseTarget([space + id, ...rest].join('/')), 'CONTENT_INVALID')
      if (refused(target)) return
      const segments = target.kind === 'ipfs' ? target.path.segments : target.segments
      const root = target.kind === 'ipfs' ? target.path.root.toString() : target.name.text
      ok(segments.every((one) => !['', '.', '..'].includes(one) && !one.includes('\0')))
      const again = parseTarget([`/${target.kind}`, root, ...segments].join('/'))
      equal(again.kind === 'ipfs' ? again.path.root.toString() : again.name.text, root)
    },
  ),
  law(
    'a path is an endpoint of the protocol with a name before it',
    fc.tuple(
      nameText,
      fc.constantFrom('manifests', 'blobs', 'tags', 'referrers', 'blobs/uploads', 'x'),
      fc.oneof(tagText, digestText, fc.constantFrom('list', '')),
    ),
    ([name, marker, last]) => {
      const route = attempt(
        () =>
          parseRoute(`/v2/${name}/${marker}/${encodeURIComponent(last.replace(/[\ud800-\udfff]/g, 'x'))}`),
        'ROUTE_UNKNOWN',
        'REQUEST_INVALID',
        'DIGEST_INVALID',
      )
      if (refused(route) || name.includes('?') || !('name' in route)) return
      if (route.kind === 'manifest' && marker === 'manifests') equal(route.name, name)
      if (route.kind === 'manifest' && route.reference.kind === 'digest') ok(isDigest(route.reference.digest))
    },
  ),
  law(
    'any path is a request, a refusal or nothing',
    fc.tuple(fc.constantFrom('/v2/', '/ipfs/', '/ipns/', 'http://a/v2/', '', '*'), nameText, hostile),
    (parts) => {
      const path = parts.join('')
      attempt(() => parseRoute(path), 'ROUTE_UNKNOWN', 'REQUEST_INVALID', 'DIGEST_INVALID')
      const route = attempt(() => parseTrustlessRoute(path), 'REQUEST_INVALID')
      if (route === undefined || refused(route)) return
      ok(route.segments.every((one) => !['', '.', '..'].includes(one)))
    },
  ),
])

function sameCid(found: CID | undefined, cid: CID): void {
  equal(found?.toString(), cid.toString())
}

/** Tries every length that a wildcard may have, the longest first. */
function naiveMatch([literal = '', stars, ...rest]: readonly string[], name: string): string[] | undefined {
  if (!name.startsWith(literal)) return undefined
  const after = name.slice(literal.length)
  if (stars === undefined) return after === '' ? [] : undefined
  for (let length = after.length; length >= (stars === '**' ? 1 : 0); length--) {
    const capture = after.slice(0, length)
    const more = stars === '*' && capture.includes('/') ? undefined : naiveMatch(rest, after.slice(length))
    if (more !== undefined) return [capture, ...more]
  }
  return undefined
}
