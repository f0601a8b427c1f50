import { createHash } from 'node:crypto'
import { equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { PushClient } from '../../fixtures/push-client.ts'
import type { RawAnswer } from '../../fixtures/raw-request.ts'
import { startServedGateway, storeFolder } from '../../fixtures/served-gateway.ts'
import { textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import type { Target } from '../target.ts'

const bytes = fc.uint8Array({ maxLength: 60 })
const record = { noNullPrototype: true } as const
const nonsense = textOf(['0', '5', '-', 'bytes ', '/', '*', '9007199254740993'], 4)
/** What is done next, and to which of the uploads that have begun. */
const step = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('begin' as const) }, record) },
  {
    weight: 6,
    arbitrary: fc.record(
      {
        kind: fc.constant('append' as const),
        which: fc.nat({ max: 3 }),
        bytes,
        /** Of the part: as it is, not said, beginning or ending elsewhere, or no range at all. */
        range: fc.constantFrom('right', 'right', 'none', 'none', 'early', 'late', 'short', 'nonsense'),
        nonsense,
      },
      record,
    ),
  },
  {
    weight: 3,
    arbitrary: fc.record(
      {
        kind: fc.constant('finish' as const),
        which: fc.nat({ max: 3 }),
        bytes,
        digest: fc.constantFrom('right', 'right', 'wrong', 'none', 'malformed'),
      },
      record,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), which: fc.nat({ max: 3 }) }, record),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('cancel' as const), which: fc.nat({ max: 3 }) }, record),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

/** Uploads in any order of requests, over the socket of a gateway that keeps them on disk. */
export const uploads: Target = {
  name: 'uploads',
  quick: 20,
  async open() {
    const store = await storeFolder()
    const flags = { source: ['embedded'], upstream: ['none'], push: 'true', 'push-to': 'embedded' }
    const gateway = await startServedGateway(store.path, flags)
    return {
      laws: [
        law(
          'an upload is what was put into it',
          fc.array(step, { minLength: 1, maxLength: 14 }),
          async (steps) => {
            const model = new Uploads(new PushClient(gateway.port))
            try {
              for (const one of steps) await model.take(one)
            } finally {
              await model.cancel()
            }
            for (const line of gateway.takeLog()) ok(!/"level":"error"|defect/.test(line), line)
            return model.asked
          },
        ),
      ],
      async close() {
        await gateway.stop()
        await store.remove()
      },
    }
  },
}

/** Does what a client may do, and knows what should come of it. */
class Uploads {
  asked = 0
  readonly #client: PushClient
  readonly #paths: string[] = []
  /** Path of an upload → what is in it; none once it has ended. */
  readonly #held = new Map<string, Buffer>()

  constructor(client: PushClient) {
    this.#client = client
  }

  async take(one: Step): Promise<void> {
    if (one.kind === 'begin') return this.#begin()
    const path = this.#paths[one.which]
    if (path === undefined) return
    const held = this.#held.get(path)
    if (one.kind === 'append') await this.#append(path, held, one)
    else if (one.kind === 'finish') await this.#finish(path, held, one)
    else if (one.kind === 'ask') await this.#isThere(path, held)
    else {
      const answer = await this.#send('DELETE', path)
      equal(answer.status, held === undefined ? 404 : 204)
      this.#held.delete(path)
    }
  }

  /** There is a limit to how many there may be. */
  async cancel(): Promise<void> {
    for (const path of this.#held.keys()) await this.#send('DELETE', path)
  }

  async #begin(): Promise<void> {
    const answer = await this.#send('POST', '/v2/team/app/blobs/uploads/')
    equal(answer.status, 202)
    this.#paths.push(answer.headers.location ?? '')
    this.#held.set(answer.headers.location ?? '', Buffer.alloc(0))
  }

  async #append(
    path: string,
    held: Buffer | undefined,
    part: Extract<Step, { kind: 'append' }>,
  ): Promise<void> {
    const size = held?.length ?? 0
    const at = part.range === 'early' ? size - 1 : part.range === 'late' ? size + 1 : size
    const end = at + part.bytes.length - (part.range === 'short' ? 2 : 1)
    const range = part.range === 'nonsense' ? part.nonsense : `${at}-${end}`
    const headers: Record<string, string> =
      part.range === 'none' ? {} : { 'content-range': range.replace(/[^\x20-\x7e]/g, '?') }
    const answer = await this.#send('PATCH', path, Buffer.from(part.bytes), headers)
    if (held === undefined) return void ok([400, 404, 416].includes(answer.status), String(answer.status))
    const sound = part.range === 'none' || (part.range === 'right' && part.bytes.length > 0)
    if (sound) {
      equal(answer.status, 202)
      this.#held.set(path, Buffer.concat([held, part.bytes]))
    } else
      ok(
        answer.status === 202 ? part.range === 'nonsense' : [400, 416].includes(answer.status),
        String(answer.status),
      )
    await this.#isThere(path, this.#held.get(path))
  }

  async #finish(
    path: string,
    held: Buffer | undefined,
    { bytes: last, digest: how }: Extract<Step, { kind: 'finish' }>,
  ): Promise<void> {
    const whole = Buffer.concat([held ?? Buffer.alloc(0), last])
    const right = digestOf(whole)
    const digest =
      { right, wrong: digestOf(Buffer.concat([whole, Buffer.from('x')])), malformed: 'sha256:x', none: '' }[
        how
      ] ?? ''
    const answer = await this.#send(
      'PUT',
      how === 'none' ? path : `${path}?digest=${digest}`,
      Buffer.from(last),
    )
    if (held === undefined) return void ok([400, 404].includes(answer.status), String(answer.status))
    if (how === 'right') {
      equal(answer.status, 201)
      const blob = await this.#send('GET', `/v2/team/app/blobs/${right}`)
      // Nothing leads to it before a manifest does, for those who only read.
      if (blob.status === 200) ok(blob.body.equals(whole))
      this.#held.delete(path)
    } else {
      equal(answer.status, 400)
      const { status, headers } = await this.#send('GET', path)
      ok(status === 404 || status === 204)
      if (status === 404) this.#held.delete(path)
      else if (how === 'wrong' && headers.range === rangeOf(whole)) this.#held.set(path, whole)
    }
    await this.#isThere(path, this.#held.get(path))
  }

  async #isThere(path: string, held: Buffer | undefined): Promise<void> {
    const { status, headers } = await this.#send('GET', path)
    equal(status, held === undefined ? 404 : 204)
    if (held !== undefined) equal(headers.range, rangeOf(held))
  }

  #send(
    method: string,
    path: string,
    body?: Buffer,
    headers: Record<string, string> = {},
  ): Promise<RawAnswer> {
    this.asked += 1
    return this.#client.send(method, path, { headers, ...(body === undefined ? {} : { body }) })
  }
}

/** The last byte, so one and none look the same. */
function rangeOf(held: Buffer): string {
  return `0-${Math.max(0, held.length - 1)}`
}

function digestOf(whole: Uint8Array): string {
  return `sha256:${createHash('sha256').update(whole).digest('hex')}`
}
