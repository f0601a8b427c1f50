import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { TestDnsServer, txt } from '../../fixtures/dns-server.ts'
import { CountingProxy } from '../harness/counting-proxy.ts'
import type { Fault, Passed } from '../harness/counting-proxy.ts'
import { Gateway } from '../harness/gateway-process.ts'
import type { KuboNode } from '../harness/kubo.ts'
import type { Registry } from '../harness/registry.ts'
import { tempFolder } from '../harness/temp.ts'
import type { Teardown } from '../harness/teardown.ts'
import { pushImage, writeLayout } from './content.ts'
import type { Kind } from './cross.ts'
import { makeRecords } from './record-faults.ts'
import type { Trial } from './trial.ts'
import { ANSWER_TIMEOUT } from './verdict.ts'

/** The real programs that hold what is asked for. */
export interface Origins {
  readonly kubo: KuboNode
  readonly registry: Registry
}

/** More than all clients want at once, so that one case does not wait for the sources of others. */
const ROOM = ['--max-requests', '4096', '--source-concurrency', '2048', '--upstream-concurrency', '2048']
const FLAGS = [
  ...ROOM,
  ...['--answer-timeout', `${ANSWER_TIMEOUT}ms`, '--stall-timeout', '3s', '--hedge-delay', '400ms'],
  ...['--background-timeout', '5s'],
  ...['--tag-ttl', '0s', '--ipns-ttl-min', '1s', '--memory-cache-size', '16MiB', '--log-level', 'warn'],
]

const ZONE = 'faults.example'

/** The gateways under test, and what is between them and the origins. */
export class Bench {
  /** With one source, and with another beside it. */
  readonly gateways: readonly Gateway[]
  /** No source can be had. */
  gone = false
  readonly #kind: Kind
  readonly #trials: Map<string, Trial>
  readonly #root: string

  private constructor(kind: Kind, trials: Map<string, Trial>, root: string, gateways: readonly Gateway[]) {
    this.#kind = kind
    this.#trials = trials
    this.#root = root
    this.gateways = gateways
  }

  static async start(
    teardown: Teardown,
    kind: Kind,
    trials: readonly Trial[],
    origins: Origins,
  ): Promise<Bench> {
    const byName = new Map(trials.map((trial) => [trial.image.name, trial]))
    const { root, url } = await place(teardown, kind, trials, origins)
    if (kind === 'ipns') {
      for (const trial of trials) {
        const before = trials.find((other) => other !== trial)?.image.name ?? trial.image.name
        trial.records = await makeRecords(`/ipfs/${root}/${trial.image.name}`, `/ipfs/${root}/${before}`)
        byName.set(trial.records.name, trial)
      }
    }
    const gateways: Gateway[] = []
    const bench = new Bench(kind, byName, root, gateways)
    const urls: string[] = []
    const dns: string[] = []
    for (const side of [0, 1]) {
      const proxy = await CountingProxy.start(teardown, url)
      proxy.fault = (passed) => bench.#faultAt(side, passed)
      urls.push(proxy.url)
      if (kind === 'dns') dns.push(await bench.#dnsServer(teardown, side))
    }
    for (const count of [1, 2]) {
      const { sources, flags } = settingsOf(kind, urls.slice(0, count), dns.slice(0, count))
      gateways.push(await Gateway.start(teardown, { sources, flags: [...FLAGS, ...flags] }))
    }
    return bench
  }

  gatewayOf({ one }: Trial): Gateway {
    return this.gateways[one.sources === 'one' ? 0 : 1] as Gateway
  }

  /** URL up to the repository's name. */
  repositoryOf(trial: Trial): string {
    return `${this.gatewayOf(trial).url}/v2/${this.#nameOf(trial)}`
  }

  #nameOf({ image, records }: Trial): string {
    if (this.#kind === 'upstream') return `registry.example/faults/${image.name}`
    if (this.#kind === 'dns') return `ipns/${image.name}.${ZONE}`
    return records === undefined ? `ipfs/${this.#root}/${image.name}` : `ipns/${records.name}`
  }

  #faultAt(side: number, passed: Passed): Fault | undefined {
    if (this.gone) return RESET
    // Where this leads, Kubo's bytes would come past the proxy.
    if (passed.url.startsWith('/api/v0/config')) return { kind: 'answer', status: 403 }
    const [name = ''] = /case-\d+|(?<=^\/ipns\/)\w+/.exec(passed.url) ?? []
    return this.#trials.get(name)?.faultOfRequest(side, passed)
  }

  async #dnsServer(teardown: Teardown, side: number): Promise<string> {
    const server = await TestDnsServer.start()
    teardown.defer(() => server.close())
    server.reply = (name) => {
      const trial = this.#trials.get(/case-\d+/.exec(name)?.[0] ?? '')
      if (trial === undefined || !name.endsWith(ZONE)) return undefined
      if (this.gone) return { mute: true }
      const answers = [txt(name, `dnslink=/ipfs/${this.#root}/${trial.image.name}`, 1)]
      return { answers, ...trial.faultOfQuestion(side) }
    }
    return `${server.address.host}:${server.address.port}`
  }
}

const RESET: Fault = {
  kind: 'spoil',
  instead: { status: 200, headers: {}, body: Buffer.alloc(0) },
  steps: () => [{ kind: 'reset' }],
}

/** Put the images where they are asked for. @returns their root, and the URL that the proxies pass requests on to */
async function place(
  teardown: Teardown,
  kind: Kind,
  trials: readonly Trial[],
  { kubo, registry }: Origins,
): Promise<{ root: string; url: string }> {
  if (kind === 'upstream') {
    const waiting = [...trials]
    const push = async (): Promise<void> => {
      for (let trial = waiting.pop(); trial !== undefined; trial = waiting.pop()) {
        await pushImage(registry.url, `faults/${trial.image.name}`, trial.image)
      }
    }
    await Promise.all(Array.from({ length: 8 }, push))
    return { root: '', url: registry.url }
  }
  const folder = join(await tempFolder(teardown, 'images'), 'images')
  await mkdir(folder)
  for (const { image } of trials) await writeLayout(folder, image)
  if (kind === 'gateway-of-ours') {
    const flags = [...ROOM, '--ipfs-gateway-requests', '4096']
    const ours = await Gateway.start(teardown, { sources: ['embedded'], flags })
    const { root } = await ours.publish(folder)
    await rm(folder, { recursive: true })
    return { root, url: ours.url }
  }
  const root = await kubo.add(folder, '--raw-leaves', '--chunker=size-65536', '--pin=false')
  await rm(folder, { recursive: true })
  return { root, url: kind === 'kubo' ? kubo.api : kubo.gateway }
}

function settingsOf(
  kind: Kind,
  urls: readonly string[],
  dns: readonly string[],
): { sources: string[]; flags: string[] } {
  if (kind === 'upstream') {
    const [url = '', ...fallbacks] = urls
    const hosts = [`registry.example=${url}`, ...fallbacks.map((fallback) => `fallback=${fallback}`)]
    return { sources: ['embedded'], flags: ['--upstream', hosts.join(';')] }
  }
  const source = kind === 'kubo' || kind === 'trusted-gateway' ? kind : 'gateway'
  return {
    sources: urls.map((url) => `${source}=${url}`),
    flags: ['--upstream', 'none', ...dns.flatMap((server) => ['--dns-server', server])],
  }
}
