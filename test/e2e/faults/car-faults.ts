import { CID } from 'multiformats/cid'
import { carHeader, carSection } from '../../fixtures/car-bytes.ts'

/** What is done to the blocks of a CAR. */
export const CAR_EDITS = [
  'without-first',
  'without-middle',
  'without-last',
  'first-twice',
  'last-twice',
  'swapped',
  'foreign-first',
  'foreign-middle',
  'foreign-last',
  'foreign-root',
  'flipped-block',
  'no-blocks',
] as const

const FOREIGN_CID = CID.parse('bafkreifzjut3te7nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e')
const FOREIGN = Buffer.from(carSection(FOREIGN_CID, Buffer.from('hello world')))

/** Where a number (unsigned LEB128) at `at` ends, and what it is. */
function varintAt(bytes: Uint8Array, at: number): { end: number; value: number } {
  let value = 0
  let factor = 1
  for (let end = at; end < bytes.length; end += 1) {
    const byte = bytes[end] ?? 0
    value += (byte & 0x7f) * factor
    if (byte < 0x80) return { end: end + 1, value }
    factor *= 128
  }
  return { end: bytes.length, value: 0 }
}

/** Where the header of a CARv1 ends. */
export function carHeaderEnd(car: Uint8Array): number {
  const { end, value } = varintAt(car, 0)
  return Math.min(end + value, car.length)
}

/** Where each block of a CARv1 ends. */
export function blockBoundaries(car: Uint8Array): number[] {
  const ends: number[] = []
  for (let at = carHeaderEnd(car); at < car.length;) {
    const { end, value } = varintAt(car, at)
    at = end + value
    if (value === 0 || at > car.length) break
    ends.push(at)
  }
  return ends
}

export function editedCar(car: Buffer, edit: (typeof CAR_EDITS)[number]): Buffer {
  const start = carHeaderEnd(car)
  const ends = blockBoundaries(car)
  const sections = ends.map((end, i) => car.subarray(ends[i - 1] ?? start, end))
  const last = sections.length - 1
  const middle = sections.length >> 1
  let header: Uint8Array = car.subarray(0, start)
  const [first] = sections
  switch (edit) {
    case 'without-first':
      sections.shift()
      break
    case 'without-middle':
      sections.splice(middle, 1)
      break
    case 'without-last':
      sections.pop()
      break
    case 'first-twice':
      if (first !== undefined) sections.unshift(first)
      break
    case 'last-twice':
      sections.push(...sections.slice(-1))
      break
    case 'swapped':
      sections.splice(last - 1, 2, ...sections.slice(-2).reverse())
      break
    case 'foreign-first':
      sections.unshift(FOREIGN)
      break
    case 'foreign-middle':
      sections.splice(middle, 0, FOREIGN)
      break
    case 'foreign-last':
      sections.push(FOREIGN)
      break
    case 'foreign-root':
      header = carHeader([FOREIGN_CID])
      break
    case 'flipped-block': {
      const block = Buffer.from(sections[last] ?? FOREIGN)
      block[block.length - 1] = (block[block.length - 1] ?? 0) ^ 0x80
      sections[Math.max(last, 0)] = block
      break
    }
    case 'no-blocks':
      sections.length = 0
      break
  }
  return Buffer.concat([header, ...sections])
}
