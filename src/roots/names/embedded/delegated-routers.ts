import { base36 } from 'multiformats/bases/base36'
import type { CID } from 'multiformats/cid'
import type { Endpoint } from '../../../content/transport/endpoint.ts'
import { ask, headerOf } from '../../../content/transport/exchange.ts'
import { refusal } from '../../../content/transport/refusal.ts'
import { Failure, messageOf } from '../../../errors.ts'
import { LARGEST_RECORD, verifyIpnsRecord, type VerifiedRecord } from '../../../naming/ipns-record.ts'
import type { NameAnswer } from '../../../naming/resolver.ts'

const MEDIA_TYPE = 'application/vnd.ipfs.ipns-record'

/** Servers that take IPNS records and pass them on, for those who have no part in the network themselves (IPIP-0379). */
export class DelegatedRouters {
  readonly #endpoints: readonly Endpoint[]

  constructor(endpoints: readonly Endpoint[]) {
    this.#endpoints = endpoints
  }

  get count(): number {
    return this.#endpoints.length
  }

  /**
   * The record with the highest sequence that any of them has; undefined where none has one.
   *
   * @throws Failure CONTENT_UNAVAILABLE when one of them can't be asked
   */
  async newest(key: CID, signal: AbortSignal): Promise<(NameAnswer & VerifiedRecord) | undefined> {
    const found = await Promise.all(this.#endpoints.map((endpoint) => get(endpoint, key, signal)))
    const [first] = found
      .filter((record) => record !== undefined)
      .toSorted((a, b) => Number(b.sequence - a.sequence))
    return first
  }

  /** @throws Failure CONTENT_UNAVAILABLE when one of them does not take it; the others have it then */
  async put(key: CID, record: Uint8Array, signal: AbortSignal): Promise<void> {
    const results = await Promise.allSettled(
      this.#endpoints.map((endpoint) => put(endpoint, key, record, signal)),
    )
    signal.throwIfAborted()
    const failed = results
      .filter((result) => result.status === 'rejected')
      .map(({ reason }) => messageOf(reason))
    if (failed.length > 0) throw new Failure('CONTENT_UNAVAILABLE', failed.join('; '))
  }
}

async function get(
  endpoint: Endpoint,
  key: CID,
  signal: AbortSignal,
): Promise<(NameAnswer & VerifiedRecord) | undefined> {
  const path = pathOf(key)
  const answer = await ask(endpoint, { method: 'GET', path, headers: { accept: MEDIA_TYPE }, signal })
  const isRecord = headerOf(answer, 'content-type').startsWith(MEDIA_TYPE)
  if (answer.status === 404 || (answer.status === 200 && !isRecord)) {
    answer.body.drain()
    return undefined
  }
  if (answer.status !== 200) throw await refusal(endpoint, answer, path)
  return verifyIpnsRecord(key, await answer.body.readAll(LARGEST_RECORD))
}

async function put(endpoint: Endpoint, key: CID, body: Uint8Array, signal: AbortSignal): Promise<void> {
  const headers = { 'content-type': MEDIA_TYPE }
  const answer = await ask(endpoint, { method: 'PUT', path: pathOf(key), headers, body, signal })
  if (answer.status >= 200 && answer.status < 300) answer.body.drain()
  else throw await refusal(endpoint, answer, pathOf(key))
}

function pathOf(key: CID): string {
  return `/routing/v1/ipns/${key.toString(base36)}`
}
