import { deepEqual, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { verifyIpnsRecord } from '../../../src/naming/ipns-record.ts'
import { parseTarget } from '../../../src/naming/target.ts'
import { ed25519Key, rsaKey, type IpnsKey } from '../../fixtures/ipns-keys.ts'
import { mutated } from '../inputs/bytes.ts'
import { IDS } from '../inputs/names.ts'
import { hostile, textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import type { Target } from '../target.ts'
import { attempt, attemptLater, refused } from '../verdict.ts'

const value = fc.oneof(
  fc.constantFrom(...IDS).map((id) => `/ipfs/${id}`),
  textOf(['/ipfs/', '/ipns/', '/', 'example.org', 'a', ...IDS], 5),
  hostile,
)
const DAY = 86_400_000
const signed = fc.record(
  {
    value,
    sequence: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
    ttl: fc.nat(),
    validUntil: fc.integer({ min: -2, max: 4000 }).map((days) => Date.now() + (days + 0.5) * DAY),
    v1Compatible: fc.boolean(),
  },
  { noNullPrototype: true },
)

/** IPNS records: signed ones as others may sign them, and what is left of them after changes. */
export const ipnsRecords: Target = {
  name: 'ipns-records',
  quick: 300,
  async open() {
    const keys = [ed25519Key(), rsaKey()]
    const made = await Promise.all(
      keys.flatMap((key, index) =>
        [true, false].map(async (v1Compatible) => {
          const bytes = await key.record({
            value: `/ipfs/${IDS[0]}`,
            sequence: BigInt(index + 1),
            v1Compatible,
          })
          return { key, bytes, says: await verifyIpnsRecord(key.name.key, bytes) }
        }),
      ),
    )
    const changed = fc
      .constantFrom(...made)
      .chain((record) => mutated(fc.constant(record.bytes)).map((bytes) => ({ ...record, bytes })))
    return {
      laws: [
        law(
          'a record that was changed says what was signed, or nothing',
          changed,
          async ({ key, bytes, says }) => {
            const answer = await attemptLater(() => verifyIpnsRecord(key.name.key, bytes), 'CONTENT_INVALID')
            if (!refused(answer)) deepEqual(plain(answer), plain(says))
          },
        ),
        law(
          'a record that somebody signed is valid, or refused, and leads to a path or nowhere',
          fc.tuple(fc.constantFrom(...keys), signed),
          async ([key, options]) => {
            const bytes = await signedBy(key, options)
            if (bytes === undefined) return
            const answer = await attemptLater(() => verifyIpnsRecord(key.name.key, bytes), 'CONTENT_INVALID')
            if (refused(answer)) return
            ok(answer.sequence >= 0n && answer.validUntil > Date.now() && (answer.ttl ?? 0) >= 0)
            attempt(() => parseTarget(answer.value), 'CONTENT_INVALID')
          },
          { share: 0.3 },
        ),
        law(
          'a record of another key is none',
          fc.constantFrom(...made),
          async ({ bytes, key }) => {
            const other = keys.find((one) => one !== key) as IpnsKey
            ok(refused(await attemptLater(() => verifyIpnsRecord(other.name.key, bytes), 'CONTENT_INVALID')))
          },
          { share: 0.05 },
        ),
        law('bytes are no record', fc.uint8Array({ maxLength: 400 }), async (bytes) => {
          const [key] = keys
          ok(
            key !== undefined &&
              refused(await attemptLater(() => verifyIpnsRecord(key.name.key, bytes), 'CONTENT_INVALID')),
          )
        }),
      ],
      close: async () => undefined,
    }
  },
}

async function signedBy(
  key: IpnsKey,
  options: Parameters<IpnsKey['record']>[0],
): Promise<Uint8Array | undefined> {
  try {
    return await key.record(options)
  } catch {
    // The library does not sign every value.
    return undefined
  }
}

function plain(answer: object): object {
  return Object.fromEntries(Object.entries(answer).map(([name, one]) => [name, String(one)]))
}
