import { Failure } from '../../errors.ts'
import { type ByteRange, type ContentPath, formatContentPath } from '../source.ts'
import type { AnswerBody } from '../transport/answer-body.ts'
import { contentUrl } from '../transport/content-url.ts'
import type { Endpoint } from '../transport/endpoint.ts'
import { ask, headerOf } from '../transport/exchange.ts'
import { refusal } from '../transport/refusal.ts'

/** Which blocks besides those of the path: the one it leads to, or all of the file or directory there. */
export interface CarQuery {
  readonly scope: 'block' | 'entity'
  /** Part of the file; must not be empty. */
  readonly bytes?: ByteRange
}

export type CarAnswer =
  | { readonly body: AnswerBody; readonly dups: 'y' | 'n' | undefined; readonly refused?: undefined }
  | {
      /** Why there is no CAR, where that may be because the gateway knows no CARs. */
      readonly refused: Failure
    }

/** Statuses of gateways that know no CARs, or not at this path. */
const NO_CAR = new Set([400, 404, 406, 415, 501])

const CAR_TYPE = 'application/vnd.ipld.car'

/**
 * Ask a gateway for the blocks of a path and of what it leads to (trustless gateway specification, IPIP-402).
 *
 * @throws Failure for every other refusal, CONTENT_INVALID for a web page
 */
export async function requestCar(
  endpoint: Endpoint,
  path: ContentPath,
  query: CarQuery,
  signal: AbortSignal,
): Promise<CarAnswer> {
  const bytes = query.bytes === undefined ? '' : `&entity-bytes=${query.bytes.start}:${query.bytes.end - 1}`
  const answer = await ask(endpoint, {
    method: 'GET',
    path: `${contentUrl(path)}?format=car&dag-scope=${query.scope}&car-order=dfs&car-dups=y${bytes}`,
    headers: { accept: `${CAR_TYPE}; version=1; order=dfs; dups=y` },
    signal,
  })
  const what = formatContentPath(path)
  if (answer.status !== 200) {
    const failure = await refusal(endpoint, answer, what)
    if (NO_CAR.has(answer.status)) return { refused: failure }
    throw failure
  }
  const type = headerOf(answer, 'content-type').toLowerCase()
  if (type.startsWith(CAR_TYPE)) return { body: answer.body, dups: dupsOf(type) }
  answer.body.discard()
  if (type.startsWith('text/html')) {
    const message = `${endpoint.name} answers with a web page instead of ${what}: is its address right, does it want a login?`
    throw new Failure('CONTENT_INVALID', message)
  }
  const message = `${endpoint.name} answers with "${type}" where a CAR was asked for`
  return { refused: new Failure('CONTENT_UNAVAILABLE', message) }
}

function dupsOf(type: string): 'y' | 'n' | undefined {
  const parameter = /;\s*dups\s*=\s*"?([yn])"?/.exec(type)
  return parameter?.[1] as 'y' | 'n' | undefined
}
