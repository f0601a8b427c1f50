import fc from 'fast-check'
import { hostile } from './text.ts'

/** Values of JSON, some of them such as nobody would write. */
export const anyJson: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    fc.constantFrom<unknown>(null, true, false, 0, -1, 1.5, 2, 1e308, 2 ** 53, '', [], {}),
    hostile,
    fc.integer(),
    fc.array(tie('value'), { maxLength: 4 }),
    fc
      .array(fc.tuple(fc.oneof(hostile, fc.constantFrom('digest', 'size', 'mediaType')), tie('value')), {
        maxLength: 4,
      })
      .map(ownEntries),
  ),
})).value

/** An object of these entries, `__proto__` among them as JSON.parse has it. */
function ownEntries(entries: readonly (readonly [string, unknown])[]): unknown {
  return Object.fromEntries(entries)
}

/**
 * A document with up to three of its values replaced, left out, or doubled.
 *
 * @param values what the places of others are given to
 */
export function distorted(
  document: fc.Arbitrary<unknown>,
  values: fc.Arbitrary<unknown> = anyJson,
): fc.Arbitrary<unknown> {
  const change = fc.tuple(fc.nat({ max: 10_000 }), fc.constantFrom('replace', 'remove', 'repeat'), values)
  return fc.tuple(document, fc.array(change, { maxLength: 3 })).map(([value, changes]) =>
    changes.reduce<unknown>((changed, [at, how, put]) => {
      const places = placesIn(changed)
      const place = places[at % Math.max(1, places.length)]
      return place === undefined ? put : changedAt(changed, place, how, put)
    }, value),
  )
}

type Place = readonly (string | number)[]

function placesIn(value: unknown, here: Place = []): Place[] {
  if (typeof value !== 'object' || value === null) return []
  return Object.keys(value).flatMap((key) => {
    const place = [...here, Array.isArray(value) ? Number(key) : key]
    return [place, ...placesIn((value as Record<string, unknown>)[key], place)]
  })
}

function changedAt(value: unknown, [key, ...rest]: Place, how: string, put: unknown): unknown {
  const entries = Object.entries(value as object) as [string, unknown][]
  const changed = entries.flatMap(([name, child]): [string, unknown][] => {
    if (name !== String(key)) return [[name, child]]
    if (rest.length > 0) return [[name, changedAt(child, rest, how, put)]]
    if (how === 'remove') return []
    return how === 'repeat'
      ? [
          [name, child],
          [`${name}`, child],
        ]
      : [[name, put]]
  })
  return Array.isArray(value) ? changed.map(([, child]) => child) : Object.fromEntries(changed)
}
