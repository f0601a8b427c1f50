import fc from 'fast-check'

/** One change to a string of bytes; positions are taken modulo its length. */
export type Edit =
  | { readonly kind: 'flip'; readonly at: number; readonly bit: number }
  | { readonly kind: 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'insert'; readonly at: number; readonly bytes: Uint8Array }
  | { readonly kind: 'remove'; readonly at: number; readonly count: number }
  | { readonly kind: 'repeat'; readonly at: number; readonly count: number; readonly to: number }
  | { readonly kind: 'cut'; readonly at: number }

const at = fc.nat({ max: 0xf_ffff })
const count = fc.integer({ min: 1, max: 64 })

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('flip'), at, bit: fc.nat({ max: 7 }) }, record()) },
  {
    weight: 4,
    arbitrary: fc.record(
      { kind: fc.constant('set'), at, value: fc.constantFrom(0, 1, 0x7f, 0x80, 0xfe, 0xff, 0x0a, 0x20) },
      record(),
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record(
      { kind: fc.constant('insert'), at, bytes: fc.uint8Array({ minLength: 1, maxLength: 16 }) },
      record(),
    ),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove'), at, count }, record()) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('repeat'), at, count, to: at }, record()) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cut'), at }, record()) },
)

function record(): { readonly noNullPrototype: true } {
  return { noNullPrototype: true }
}

/** None to four changes. */
export const edits: fc.Arbitrary<readonly Edit[]> = fc.array(edit, { maxLength: 4 })

/** The bytes with these changes. */
export function changed(bytes: Uint8Array, changes: readonly Edit[]): Uint8Array {
  return changes.reduce(apply, bytes)
}

/** Bytes as they are, or with up to four changes. */
export function mutated(bytes: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  return fc.tuple(bytes, edits).map(([whole, changes]) => changed(whole, changes))
}

/** Ways to cut a string of bytes into pieces. */
export const pieceSizes = fc.array(fc.integer({ min: 1, max: 300 }), { maxLength: 8 })

/** The bytes in pieces of these sizes, the last of which is used for the rest. */
export function inPieces(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = []
  for (let start = 0, turn = 0; start < bytes.length; turn++) {
    const size = sizes[Math.min(turn, sizes.length - 1)] ?? bytes.length
    // Copies, so that whoever keeps a piece for too long does not go unnoticed.
    pieces.push(Uint8Array.from(bytes.subarray(start, start + size)))
    start += size
  }
  return pieces
}

function apply(bytes: Uint8Array, change: Edit): Uint8Array {
  const place = bytes.length === 0 ? 0 : change.at % bytes.length
  switch (change.kind) {
    case 'flip':
      return withByte(bytes, place, (byte) => byte ^ (1 << change.bit))
    case 'set':
      return withByte(bytes, place, () => change.value)
    case 'insert':
      return joined(bytes.subarray(0, place), change.bytes, bytes.subarray(place))
    case 'remove':
      return joined(bytes.subarray(0, place), bytes.subarray(place + change.count))
    case 'repeat': {
      const to = bytes.length === 0 ? 0 : change.to % bytes.length
      return joined(bytes.subarray(0, to), bytes.subarray(place, place + change.count), bytes.subarray(to))
    }
    case 'cut':
      return bytes.slice(0, place)
  }
}

function withByte(bytes: Uint8Array, place: number, change: (byte: number) => number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const byte = copy[place]
  if (byte !== undefined) copy[place] = change(byte)
  return copy
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(parts))
}
