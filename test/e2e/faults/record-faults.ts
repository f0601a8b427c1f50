import { ed25519Key } from '../../fixtures/ipns-keys.ts'
import type { WholeAnswer } from '../harness/spoilt-answer.ts'
import { messageOf } from '../harness/spoilt-answer.ts'
import type { FaultRow } from './cross.ts'

/** IPNS records of one name. */
export interface Records {
  /** Text of the key. */
  readonly name: string
  /** The newest, and what is instead of it by name of the fault. */
  readonly newest: WholeAnswer
  readonly others: Readonly<Record<RecordFault, WholeAnswer>>
}

/** Records that are not the one that holds. */
export const RECORD_FAULTS = {
  'record-expired': { harm: 'fails' },
  'record-forged': { harm: 'fails' },
  'record-of-another': { harm: 'fails' },
  // Of a name that was never asked for, nobody can know that there is a newer one.
  'record-older': { harm: 'lies' },
  'record-garbage': { harm: 'fails' },
} as const satisfies Record<string, FaultRow>

export type RecordFault = keyof typeof RECORD_FAULTS

/**
 * A new name and its records.
 *
 * @param value `/ipfs/…` that the newest record has
 * @param before that of older ones
 */
export async function makeRecords(value: string, before: string): Promise<Records> {
  const key = ed25519Key()
  const another = ed25519Key()
  const own = async (sequence: bigint, validUntil?: number): Promise<Uint8Array> =>
    key.record({
      value: sequence === 5n ? value : before,
      sequence,
      ttl: 1,
      ...(validUntil === undefined ? {} : { validUntil }),
    })
  const newest = await own(5n)
  const forged = Buffer.from(newest)
  // Of the signature, which is the last field but one of what these records hold.
  forged.fill(0x5a, forged.length - 40, forged.length - 8)
  return {
    name: key.name.text,
    newest: answerOf(newest),
    others: {
      'record-expired': answerOf(await own(6n, Date.now() - 60_000)),
      'record-forged': answerOf(forged),
      'record-of-another': answerOf(await another.record({ value: before, sequence: 9n })),
      'record-older': answerOf(await own(3n)),
      'record-garbage': answerOf(Buffer.alloc(300, 0x17)),
    },
  }
}

function answerOf(bytes: Uint8Array): WholeAnswer {
  return {
    status: 200,
    headers: { 'content-type': 'application/vnd.ipfs.ipns-record', 'cache-control': 'max-age=1' },
    body: Buffer.from(bytes),
  }
}

/** The steps that send one of them. */
export function sending(answer: WholeAnswer) {
  return [{ kind: 'send', bytes: messageOf(answer) } as const, { kind: 'close' } as const]
}
