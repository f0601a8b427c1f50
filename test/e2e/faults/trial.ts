import type { Fault, Passed } from '../harness/counting-proxy.ts'
import type { DnsReply } from '../../fixtures/dns-server.ts'
import type { CaseImage } from './content.ts'
import type { Case } from './cross.ts'
import { DNS_FAULTS } from './dns-faults.ts'
import { HTTP_FAULTS } from './http-faults.ts'
import { concerns } from './question.ts'
import { type RecordFault, type Records, sending } from './record-faults.ts'

/** One case on its way: what its sources do now. */
export class Trial {
  readonly one: Case
  readonly image: CaseImage
  /** Where the name of the case leads; undefined where it has no IPNS name. */
  records: Records | undefined
  /** `half`: answers with a layer stop in the middle. */
  mode: 'well' | 'half' | 'spoilt' = 'well'
  /** Answers that were spoilt. */
  spoilt = 0
  /** Which of the sources has the fault: that which is asked first. */
  #bad: number | undefined

  constructor(one: Case, image: CaseImage) {
    this.one = one
    this.image = image
  }

  /** What becomes of a request to a source. @param side which of the sources */
  faultOfRequest(side: number, { url }: Passed): Fault | undefined {
    const { records } = this
    if (records !== undefined)
      return url.startsWith('/ipns/') ? this.#faultOfRecord(side, records) : undefined
    if (this.one.kind === 'dns' || this.mode === 'well') return undefined
    if (this.mode === 'half') return { kind: 'spoil', steps: stopAtHalf }
    const fault = HTTP_FAULTS[this.one.fault]
    if (fault === undefined || !concerns(this.one, this.image, url) || !this.#isBad(side)) return undefined
    return { kind: 'spoil', steps: fault.spoil }
  }

  faultOfQuestion(side: number): Partial<DnsReply> {
    const fault = DNS_FAULTS[this.one.fault]
    if (this.mode !== 'spoilt' || fault === undefined || !this.#isBad(side)) return {}
    const { datagrams: instead, wait, tcp } = fault
    return { instead, ...(wait === undefined ? {} : { wait }), ...(tcp === undefined ? {} : { tcp }) }
  }

  #faultOfRecord(side: number, records: Records): Fault {
    const { newest } = records
    if (this.mode !== 'spoilt' || !this.#isBad(side)) {
      return { kind: 'spoil', instead: newest, steps: sending }
    }
    const other = records.others[this.one.fault as RecordFault]
    if ((other as typeof other | undefined) !== undefined)
      return { kind: 'spoil', instead: other, steps: sending }
    const steps = HTTP_FAULTS[this.one.fault]?.spoil ?? sending
    return { kind: 'spoil', instead: newest, steps }
  }

  #isBad(side: number): boolean {
    this.#bad ??= side
    const bad = this.#bad === side
    if (bad) this.spoilt += 1
    return bad
  }
}

const stopAtHalf: (typeof HTTP_FAULTS)[string]['spoil'] = (answer, url) => {
  const isLayer = answer.body.length > 50_000
  return isLayer ? (HTTP_FAULTS['stall-half']?.spoil(answer, url) ?? []) : sending(answer)
}
