import type { Answer } from 'dns-packet'
import { Failure, messageOf } from '../errors.ts'
import { isDomainName } from '../reference/dnslink.ts'
import type { MutableName } from '../reference/name.ts'
import { exchange, type DnsAnswer } from './dns-exchange.ts'
import { formatDnsServer, systemDnsServers, type DnsServer } from './dns-server.ts'
import type { NameAnswer, NameLookup } from './resolver.ts'
import { parseTarget } from './target.ts'

export interface DnsLinkLookupOptions {
  /** Recursive servers, tried in this order. Undefined or empty: those of the system. */
  readonly servers?: readonly DnsServer[]
  /** ms that one server has for one try. Default 1500. */
  readonly tryTimeout?: number
  /** How often each server is tried. Default 2. */
  readonly tries?: number
  /** ms for all of it. Default 10 000. */
  readonly timeout?: number
}

/**
 * DNSLink names by a TXT record at `_dnslink.<name>` (dnslink.dev). Of several valid records the first in the order of
 * their text counts, so that the answer does not depend on the order in which the server lists them.
 */
export class DnsLinkLookup implements NameLookup {
  readonly name = 'dns'
  readonly #options: DnsLinkLookupOptions

  constructor(options: DnsLinkLookupOptions = {}) {
    this.#options = options
  }

  accepts(name: MutableName): boolean {
    return name.kind === 'dnslink'
  }

  /**
   * @throws Failure CONTENT_NOT_FOUND when the DNS says that there is no valid record, NAME_UNRESOLVED when it can't be
   *   asked now
   */
  async lookup(name: MutableName, { signal }: { signal: AbortSignal }): Promise<NameAnswer> {
    if (!isDomainName(name.text)) {
      throw new Failure('CONTENT_NOT_FOUND', `${name.text} is no domain name, so it has no DNSLink`)
    }
    const question = `_dnslink.${name.text}`
    const answer = await this.#ask(question, signal)
    const { texts, ttl } = textsOf(answer, question)
    const links = texts.filter((text) => text.startsWith('dnslink=')).map((text) => text.slice(8).trim())
    const usable = links.filter((link) => flawOf(link) === undefined).toSorted(byCodeUnit)
    const [value] = usable
    if (value === undefined) throw noLink(name, question, links)
    return { value, ttl }
  }

  /** The first answer that settles the question, whatever it says. */
  async #ask(question: string, outer: AbortSignal): Promise<DnsAnswer> {
    const { tries = 2, tryTimeout = 1500, timeout = 10_000 } = this.#options
    const configured = this.#options.servers ?? []
    const servers = configured.length > 0 ? configured : systemDnsServers()
    const deadline = performance.now() + timeout
    const failures = new Map<string, string>()
    for (let round = 0; round < tries; round += 1) {
      for (const server of servers) {
        const left = Math.min(tryTimeout, deadline - performance.now())
        if (left <= 0) break
        try {
          const answer = await withTimeout(left, outer, (signal) => exchange(server, question, signal))
          if (answer.rcode === 'NOERROR' || answer.rcode === 'NXDOMAIN') return answer
          failures.set(formatDnsServer(server), `answered ${answer.rcode}`)
        } catch (error) {
          outer.throwIfAborted()
          failures.set(formatDnsServer(server), messageOf(error))
        }
      }
    }
    const said = [...failures].map(([server, what]) => `${server} ${what}`).join(', ')
    throw new Failure(
      'NAME_UNRESOLVED',
      `no DNS server answers for ${question}: ${said || 'none is configured'}`,
    )
  }
}

async function withTimeout<T>(
  ms: number,
  outer: AbortSignal,
  task: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  outer.throwIfAborted()
  const inner = new AbortController()
  const onAbort = (): void => inner.abort(outer.reason)
  const timer = setTimeout(() => inner.abort(new Error(`did not answer within ${Math.ceil(ms)} ms`)), ms)
  outer.addEventListener('abort', onAbort, { once: true })
  try {
    return await task(inner.signal)
  } finally {
    clearTimeout(timer)
    outer.removeEventListener('abort', onAbort)
  }
}

/** CNAME records that lead on from the question; a server that resolves for us follows them in one answer. */
const LONGEST_ALIAS_CHAIN = 16

function textsOf(answer: DnsAnswer, question: string): { texts: string[]; ttl: number | undefined } {
  const records = answer.answers ?? []
  const ttls: number[] = []
  let owner = question.toLowerCase()
  for (let step = 0; step < LONGEST_ALIAS_CHAIN; step += 1) {
    const alias = records.find((record) => record.type === 'CNAME' && isAt(record, owner))
    if (alias?.type !== 'CNAME') break
    ttls.push(alias.ttl ?? 0)
    owner = alias.data.toLowerCase()
  }
  const texts: string[] = []
  for (const record of records) {
    if (record.type !== 'TXT' || !isAt(record, owner)) continue
    ttls.push(record.ttl ?? 0)
    // One record may come as several strings, which belong together (RFC 7208 section 3.3 does the same).
    const strings = Array.isArray(record.data) ? record.data : [record.data]
    texts.push(strings.map((piece) => piece.toString()).join(''))
  }
  return { texts, ttl: ttls.length > 0 ? Math.min(...ttls) : undefined }
}

function isAt(record: Answer, owner: string): boolean {
  return record.name.toLowerCase() === owner
}

function flawOf(link: string): string | undefined {
  try {
    parseTarget(link)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function noLink(name: MutableName, question: string, links: readonly string[]): Failure {
  const [wrong] = links
  const why =
    wrong === undefined
      ? `there is no TXT record "dnslink=/ipfs/<cid>" at ${question}`
      : `its TXT record at ${question} is not valid. ${flawOf(wrong) ?? ''}`
  return new Failure('CONTENT_NOT_FOUND', `${name.text} has no DNSLink: ${why}`)
}
