import { encode, TRUNCATED_RESPONSE, type Packet } from 'dns-packet'
import type { FaultRow } from './cross.ts'

/** What a DNS server does wrong: datagrams instead of the right one, and what it does to a connection. */
export interface DnsFault extends FaultRow {
  /** @param truth the right answer, as a packet and as bytes */
  readonly datagrams: (truth: Packet, bytes: Buffer) => readonly (Packet | Buffer)[]
  /** Over TCP, which is asked when an answer says that it does not fit; default: the right answer. */
  readonly tcp?: 'silence' | 'reset' | 'half'
  /** ms before the datagrams. */
  readonly wait?: number
}

const RCODE = { FORMERR: 1, SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const
const HEADER = 12

const cut = (at: (bytes: Buffer) => number): DnsFault => ({
  harm: 'fails',
  datagrams: (_, bytes) => [bytes.subarray(0, at(bytes))],
})

function flip(at: (bytes: Buffer) => number, harm: FaultRow['harm'] = 'lies'): DnsFault {
  return {
    harm,
    datagrams: (_, bytes) => {
      const copy = Buffer.from(bytes)
      copy[at(copy)] = (copy[at(copy)] ?? 0) ^ 0x01
      return [copy]
    },
  }
}

function refusal(code: keyof typeof RCODE, row: Partial<FaultRow> = {}): DnsFault {
  return {
    harm: 'fails',
    ...row,
    datagrams: (truth) => [{ ...truth, flags: (truth.flags ?? 0) | RCODE[code], answers: [] }],
  }
}

/** The truth with other texts. */
function telling(truth: Packet, data: string): Packet {
  return { ...truth, answers: [{ type: 'TXT', name: truth.questions?.[0]?.name ?? '', ttl: 1, data }] }
}

const LIE = 'dnslink=/ipfs/bafkqaaa'
const tooLong = (truth: Packet): Packet => ({
  ...truth,
  flags: (truth.flags ?? 0) | TRUNCATED_RESPONSE,
  answers: [],
})

export const DNS_FAULTS: Readonly<Record<string, DnsFault>> = {
  mute: { harm: 'fails', datagrams: () => [] },
  garbage: { harm: 'fails', datagrams: () => [Buffer.alloc(60, 0x17)] },
  'no-bytes': { harm: 'fails', datagrams: () => [Buffer.alloc(0)] },
  'flip-first': flip(() => 0, 'fails'),
  'flip-middle': flip((bytes) => bytes.length >> 1),
  'flip-last': flip((bytes) => bytes.length - 1),
  'cut-in-header': cut(() => HEADER - 2),
  'cut-header': cut(() => HEADER),
  'cut-half': cut((bytes) => bytes.length >> 1),
  'cut-last-byte': cut((bytes) => bytes.length - 1),
  'extra-bytes': { harm: 'none', datagrams: (_, bytes) => [Buffer.concat([bytes, Buffer.alloc(40)])] },
  'another-id': {
    harm: 'fails',
    datagrams: (truth) => [{ ...telling(truth, LIE), id: ((truth.id ?? 0) + 1) % 65_536 }],
  },
  'another-question': {
    harm: 'fails',
    datagrams: (truth) => [{ ...truth, questions: [{ type: 'TXT', name: 'elsewhere.example' }] }],
  },
  'forged-before': {
    harm: 'none',
    datagrams: (truth) => [
      ...Array.from({ length: 20 }, (_, i) => ({
        ...telling(truth, LIE),
        id: ((truth.id ?? 0) + 1 + i) % 65_536,
      })),
      truth,
    ],
  },
  formerr: refusal('FORMERR'),
  servfail: refusal('SERVFAIL'),
  refused: refusal('REFUSED'),
  nxdomain: refusal('NXDOMAIN', { harm: 'lies', refuses: true }),
  'no-answers': { harm: 'lies', refuses: true, datagrams: (truth) => [{ ...truth, answers: [] }] },
  'no-link': { harm: 'lies', refuses: true, datagrams: (truth) => [telling(truth, 'v=spf1 -all')] },
  'link-to-nowhere': {
    harm: 'lies',
    refuses: true,
    datagrams: (truth) => [telling(truth, 'dnslink=/ipfs/nothing')],
  },
  'cname-to-itself': {
    harm: 'lies',
    refuses: true,
    datagrams: (truth) => {
      const name = truth.questions?.[0]?.name ?? ''
      return [{ ...truth, answers: [{ type: 'CNAME', name, ttl: 1, data: name }] }]
    },
  },
  'too-long': { harm: 'none', datagrams: (truth) => [tooLong(truth)] },
  'too-long-then-silence': { harm: 'fails', datagrams: (truth) => [tooLong(truth)], tcp: 'silence' },
  'too-long-then-reset': { harm: 'fails', datagrams: (truth) => [tooLong(truth)], tcp: 'reset' },
  'too-long-then-half': { harm: 'fails', datagrams: (truth) => [tooLong(truth)], tcp: 'half' },
  slow: { harm: 'none', datagrams: (truth) => [truth], wait: 300 },
}

export function datagramOf(packet: Packet | Buffer): Buffer {
  return Buffer.isBuffer(packet) ? packet : encode(packet)
}
