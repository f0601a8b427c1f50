import fc from 'fast-check'

/** What has broken parsers before: ends, escapes, names of Object.prototype, letters that change their length. */
export const HOSTILE = [
  ...['', ' ', '\t', '\r\n', '\n', '\0', '\x7f', '\u0085', '\u2028', '\ufeff', '\ud800', '😀', 'é', 'İ', 'K'],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'undefined', 'null', 'NaN', '-0', '1e999'],
  ...['%', '%00', '%2f', '%2e%2e', '%ff', '..', '.', '/', '//', '\\', '"', "'", '`', '<', '>', ';', '=', ','],
  ...['${jndi:x}', '$(x)', '{{x}}', '*', '**', '#', '?', '&', '@', ':', '|', '[', ']', '(', ')', '$1', '$&'],
  ...['9007199254740993', '18446744073709551616', '99999999999999999999', '-1', '0x10', '00', '1_000'],
] as const

export const hostile: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 2, arbitrary: fc.string({ maxLength: 20 }) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 12 }) },
)

/** Texts of these pieces, in any order; every tenth piece or so is something else. */
export function textOf(pieces: readonly string[], maxLength = 10): fc.Arbitrary<string> {
  return fc
    .array(
      fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...pieces) }, { weight: 1, arbitrary: hostile }),
      { maxLength },
    )
    .map((parts) => parts.join(''))
}

/** Texts of these pieces and nothing else. */
export function wordOf(pieces: readonly string[], maxLength = 10): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength }).map((parts) => parts.join(''))
}

/** One of these texts, mostly as it is, else with something put in or left out. */
export function nearly(...texts: readonly string[]): fc.Arbitrary<string> {
  const change = fc.tuple(fc.nat({ max: 500 }), fc.nat({ max: 4 }), hostile)
  return fc
    .tuple(
      fc.constantFrom(...texts),
      fc.oneof({ weight: 2, arbitrary: fc.constant([]) }, fc.array(change, { maxLength: 2 })),
    )
    .map(([text, changes]) =>
      changes.reduce((changed, [at, count, put]) => {
        const place = at % (changed.length + 1)
        return changed.slice(0, place) + put + changed.slice(place + count)
      }, text),
    )
}
