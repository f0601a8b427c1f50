import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { parseRange } from '../../../src/http/range.ts'
import { parseContentRange } from '../../../src/registry/content-range.ts'
import { parseEntityBytes } from '../../../src/trustless/entity-bytes.ts'
import { textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { attempt, refused } from '../verdict.ts'

const position = fc.oneof(
  { weight: 8, arbitrary: fc.nat({ max: 40 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('9007199254740993', '9'.repeat(400), '007', '-1') },
)
const space = fc.constantFrom('', '', '', ' ', '\t')
const spec = fc.tuple(
  space,
  fc.option(position, { nil: '' }),
  space,
  fc.constant('-'),
  space,
  fc.option(position, { nil: '' }),
)
const anything = textOf([
  'bytes',
  '=',
  ' ',
  '-',
  ',',
  '0',
  '1',
  '9',
  '*',
  '/',
  ':',
  'Bytes',
  '\t',
  '99999999999999999999',
])

/** Which bytes of a file of this size are in one of the ranges of a sound header. */
function wanted(specs: readonly (readonly [first: string, last: string])[], size: number): string {
  const bytes = Array.from({ length: size }, (_, at) =>
    specs.some(([first, last]) =>
      first === '' ? at >= size - Number(last) : at >= Number(first) && (last === '' || at <= Number(last)),
    ),
  )
  return bytes.map((is) => (is ? '1' : '0')).join('')
}

/** Range headers and what else names parts of files. */
export const ranges = pureTarget('ranges', 1500, [
  law(
    'ranges are the bytes that a header names',
    fc.tuple(fc.array(spec, { minLength: 1, maxLength: 6 }), fc.nat({ max: 32 })),
    ([specs, size]) => {
      const header = `bytes=${specs.map((parts) => parts.join('')).join(',')}`
      const found = attempt(() => parseRange(header, size), 'RANGE_INVALID', 'REQUEST_INVALID')
      const read = specs.map(([, first, , , , last]) => [first, last] as const)
      const sound = read.every(([first, last]) => first + last !== '' && !`${first}${last}`.includes('-'))
      if (!sound) return void ok(found === undefined || refused(found))
      const backwards = read.some(
        ([first, last]) => first !== '' && last !== '' && Number(last) < Number(first),
      )
      const model = wanted(read, size)
      equal(refused(found), backwards || !model.includes('1'))
      if (refused(found) || found === undefined) return
      for (const { start, end } of found) ok(start >= 0 && start < end && end <= size)
      const covered = found.map(({ start, end }) => [String(start), String(end - 1)] as const)
      equal(wanted(covered, size), model)
    },
  ),
  law(
    'any Range header is understood, ignored or refused',
    fc.tuple(anything, fc.nat()),
    ([header, size]) => {
      const found = attempt(() => parseRange(header, size), 'RANGE_INVALID', 'REQUEST_INVALID')
      if (refused(found) || found === undefined) return
      for (const { start, end } of found) ok(start >= 0 && start < end && end <= size)
    },
  ),
  law(
    'a part of an upload is as long as its Content-Range says',
    fc.tuple(
      fc.oneof(
        anything,
        fc.tuple(position, position).map((both) => both.join('-')),
      ),
      fc.option(fc.nat({ max: 50 }), { nil: undefined }),
    ),
    ([header, length]) => {
      const found = attempt(() => parseContentRange(header, length), 'CHUNK_INVALID')
      if (refused(found)) return
      const { start, length: counted } = found ?? { start: -1, length: -1 }
      deepEqual(header.split('-').map(Number), [start, start + counted - 1])
      ok(length === undefined || length === counted)
    },
  ),
  law(
    'entity-bytes are a part of the file',
    fc.tuple(
      fc.oneof(
        anything,
        fc
          .tuple(
            fc.integer({ min: -50, max: 50 }),
            fc.oneof(fc.constant('*'), fc.integer({ min: -50, max: 50 })),
          )
          .map((both) => both.join(':')),
      ),
      fc.nat({ max: 40 }),
    ),
    ([text, size]) => {
      const part = attempt(() => parseEntityBytes(text), 'REQUEST_INVALID')
      if (refused(part)) return
      const { start, end } = part(size)
      ok(start >= 0 && end >= start && (end <= size || start === end))
      const [from = 0, to = 0] = text
        .split(':')
        .map((one) => (one === '*' ? size - 1 : Number(one) < 0 ? size + Number(one) : Number(one)))
      const model = Array.from({ length: size }, (_, at) => at).filter((at) => at >= from && at <= to)
      equal(
        Array.from({ length: size }, (_, at) => at)
          .filter((at) => at >= start && at < end)
          .join(),
        model.join(),
      )
    },
  ),
])
