import { LRUCache } from 'lru-cache'
import { Flights } from '../../cache/flights.ts'
import type { Descriptor } from '../../layout/descriptor.ts'
import { referrersIn, type Referrers } from '../../layout/referrers.ts'
import type { Digest } from '../../reference/digest.ts'

/** Bytes of descriptors kept in memory, as JSON. */
const KEPT_BYTES = 16 * 1024 * 1024

/** Who refers to whom in a layout: read from its manifests once, since a root never changes. */
export class LayoutReferrers {
  private readonly known = new LRUCache<string, Referrers>({
    maxSize: KEPT_BYTES,
    sizeCalculation: (referrers) => 512 + JSON.stringify([...referrers]).length,
  })
  private readonly flights: Flights<Referrers>

  /** @param lingerMs how long reading goes on after everyone's time was up */
  constructor(lingerMs: number) {
    this.flights = new Flights(lingerMs)
  }

  /**
   * @param key of all that `build` reads
   * @throws what `build` throws
   */
  async of(
    key: string,
    subject: Digest,
    build: (signal: AbortSignal) => Promise<Referrers>,
    signal: AbortSignal,
  ): Promise<readonly Descriptor[]> {
    let bySubject = this.known.get(key)
    if (bySubject === undefined) {
      bySubject = await this.flights.join(key, signal, async (own) => {
        const built = await build(own)
        this.known.set(key, built)
        return built
      })
    }
    return referrersIn(bySubject, subject)
  }
}
