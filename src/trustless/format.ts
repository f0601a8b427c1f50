import { Failure } from '../errors.ts'

/** What an answer is made of. */
export type Format =
  | { readonly kind: 'raw' }
  | { readonly kind: 'ipns-record' }
  | {
      readonly kind: 'car'
      /** Whether a block comes again each time it is met (IPIP-0412). */
      readonly dups: boolean
    }

export const MEDIA_TYPE = {
  raw: 'application/vnd.ipld.raw',
  car: 'application/vnd.ipld.car',
  'ipns-record': 'application/vnd.ipfs.ipns-record',
} as const

type Kind = Format['kind']

/** One element of an `Accept` header. */
interface Accepted {
  readonly type: string
  /** Lower-case names. */
  readonly parameters: ReadonlyMap<string, string>
  readonly quality: number
}

const OFFERED =
  'this gateway gives blocks, CARs and IPNS records, and no files: add ?format=raw, ?format=car or ?format=ipns-record'

/**
 * What a request wants: by its `format` parameter, which comes first (IPIP-0523), or by its `Accept` header (RFC 9110,
 * 12.5.1), the best that can be given.
 *
 * @throws Failure REQUEST_INVALID (400) when neither is there, NOT_ACCEPTABLE (406) when nothing of it can be given
 */
export function chooseFormat(query: URLSearchParams, accept: string | undefined): Format {
  const wanted = query.get('format')
  const accepted = parseAccept(accept ?? '')
  if (wanted !== null) {
    if (!isKind(wanted)) throw new Failure('NOT_ACCEPTABLE', `format=${wanted.slice(0, 40)}: ${OFFERED}`)
    const cars = accepted.filter(({ type }) => type === MEDIA_TYPE.car)
    return wanted === 'car' ? carFormat(query, cars) : { kind: wanted }
  }
  if (accept === undefined) throw new Failure('REQUEST_INVALID', OFFERED)
  for (const { type, ...one } of accepted) {
    const kind = (Object.keys(MEDIA_TYPE) as Kind[]).find((name) => MEDIA_TYPE[name] === type)
    if (kind === undefined) continue
    if (kind !== 'car') return { kind }
    if (isVariant(one.parameters)) return carFormat(query, [{ type, ...one }])
  }
  throw new Failure('NOT_ACCEPTABLE', OFFERED)
}

/** The one `Content-Type` of a format, with everything that is known of it. */
export function contentTypeOf(format: Format): string {
  const type = MEDIA_TYPE[format.kind]
  return format.kind === 'car' ? `${type}; version=1; order=dfs; dups=${format.dups ? 'y' : 'n'}` : type
}

function isKind(text: string): text is Kind {
  return Object.hasOwn(MEDIA_TYPE, text)
}

/** Parameters of the URL prevail over those of `Accept` (IPIP-0523). Depth first is the order of every answer. */
function carFormat(query: URLSearchParams, cars: readonly Accepted[]): Format {
  const given = cars.find(({ parameters }) => isVariant(parameters))?.parameters
  if (given === undefined && cars.length > 0 && !query.has('car-order') && !query.has('car-version')) {
    throw new Failure('NOT_ACCEPTABLE', 'CARs are of version 1, with order=dfs and dups=y or n')
  }
  const parameters = new Map(given)
  for (const name of ['version', 'order', 'dups']) {
    const value = query.get(`car-${name}`)
    if (value !== null) parameters.set(name, value)
  }
  if (!isVariant(parameters)) {
    throw new Failure('NOT_ACCEPTABLE', 'CARs are of version 1, with order=dfs and dups=y or n')
  }
  return { kind: 'car', dups: parameters.get('dups') === 'y' }
}

/** Whether a CAR can be given as these parameters say; `order=unk` leaves it to us. */
function isVariant(parameters: ReadonlyMap<string, string>): boolean {
  const { version = '1', order = 'dfs', dups = 'n' } = Object.fromEntries(parameters)
  return version === '1' && ['dfs', 'unk'].includes(order) && ['y', 'n'].includes(dups)
}

/** Best first; what is refused by `q=0` is left out. */
function parseAccept(header: string): Accepted[] {
  return header
    .split(',')
    .map((element) => {
      const [type = '', ...rest] = element.split(';').map((part) => part.trim())
      const parameters = new Map<string, string>()
      for (const part of rest) {
        const [name = '', value = ''] = part.split('=').map((text) => text.trim())
        parameters.set(name.toLowerCase(), value.replace(/^"(.*)"$/, '$1'))
      }
      const quality = Number(parameters.get('q') ?? 1)
      parameters.delete('q')
      return { type: type.toLowerCase(), parameters, quality: Number.isNaN(quality) ? 1 : quality }
    })
    .filter(({ quality }) => quality > 0)
    .sort((a, b) => b.quality - a.quality)
}
