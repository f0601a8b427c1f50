import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { importTree, patternBytes, type ContentTree } from '../fixtures/content-tree.ts'
import { ed25519Key } from '../fixtures/ipns-keys.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import {
  registryOf,
  reply,
  startStubServer,
  stubTokens,
  tokenServerFor,
  withBearer,
  type StubServer,
} from '../fixtures/stub-upstream.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'
import {
  dashboard,
  expressionsOf,
  metricsIn,
  alertRules,
  RULES,
  RULES_TEST,
} from '../fixtures/watching-files.ts'
import { attempt, run, until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { Prometheus } from './harness/prometheus.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const INDEX = 'application/vnd.oci.image.index.v1+json'
const layout = new LayoutBuilder()
const large = [1, 2, 3].map((seed) => layout.blob(patternBytes(300 * 1024, seed), 'application/large'))
const faulty = layout.blob('a blob that comes with a wrong bit', 'application/small')
const image = layout.image()
const files = layout.list(image, { ref: 'v1' }).files()

describeWith(['promtool', 'prometheus'], 'watching a gateway', () => {
  const teardown = new Teardown()
  let source: TrustlessGateway
  let tree: ContentTree
  let upstream: StubServer
  let gateway: Gateway
  let prometheus: Prometheus

  beforeAll(async () => {
    const tokens = stubTokens()
    const tokenServer = await startStubServer(tokenServerFor(tokens))
    teardown.defer(() => tokenServer.close())
    const bytes = files.get(`blobs/sha256/${image.digest.slice(7)}`) ?? Buffer.alloc(0)
    const content = registryOf({ manifests: { v1: { bytes, type: image.mediaType } }, blobs: {} })
    upstream = await startStubServer(withBearer(`${tokenServer.url}/token`, tokens, content))
    teardown.defer(() => upstream.close())
    const receiver = await startStubServer((_, response) => reply(response, 200))
    teardown.defer(() => receiver.close())
    tree = await importTree(Object.fromEntries(files))
    source = await startTrustlessGateway(tree)
    teardown.defer(() => source.close())
    gateway = await Gateway.start(teardown, {
      sources: ['embedded', `gateway=${source.url}`],
      flags: [
        ...['--push', '--push-to', 'embedded', '--upstream', `docker.io=${upstream.url}`],
        ...['--webhook', `${receiver.url};name=audit`],
        ...['--tag-ttl', '0', '--ipns-ttl-min', '0', '--cache-size', '400KiB'],
      ],
    })
    prometheus = await Prometheus.start(teardown, new URL(gateway.admin).host, RULES)
    // It is to have seen the gateway before there was work.
    await until('a scrape', async () => (await prometheus.query('up == 1')).length === 1)
    await live()
    await scrapedAgain()
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  async function scrapes(): Promise<number> {
    const [sample] = await prometheus.query('count_over_time(up[5m])')
    return Number(sample?.value[1] ?? 0)
  }

  /** At least once as a whole. */
  async function scrapedAgain(): Promise<void> {
    const before = await scrapes()
    await until('another scrape', async () => (await scrapes()) >= before + 2)
  }

  /** A little of everything that is counted. */
  async function live(): Promise<void> {
    const name = `ipfs/${tree.root.toString()}`
    const key = ed25519Key()
    source.records.set(key.name.text, await key.record({ value: `/ipfs/${tree.root.toString()}`, ttl: 0 }))
    const ipns = `ipns/${key.name.text}/manifests/v1`
    for (const round of [1, 2]) {
      const index = { schemaVersion: 2, mediaType: INDEX, manifests: [], annotations: { round: `${round}` } }
      expect(await status('team/app/manifests/v1', JSON.stringify(index))).toBe(201)
      for (const path of [`${name}/manifests/v1`, ipns, 'library/app/manifests/v1', `${name}/tags/list`]) {
        expect(await status(path)).toBe(200)
      }
      for (const { digest } of large) expect(await status(`${name}/blobs/${digest}`)).toBe(200)
      await scrapedAgain()
    }
    source.records.clear()
    expect(await status(ipns)).toBe(200)
    upstream.answer = (_, response) => void response.destroy()
    expect(await status('library/app/manifests/v1')).toBe(200)
    source.faults = { flipBlock: 2, when: ({ path }) => path.includes(faulty.digest.slice(7)) }
    expect(await status(`${name}/blobs/${faulty.digest}`)).toBe(503)
  }

  /** @param body what is put there; undefined: it is read */
  async function status(path: string, body?: string): Promise<number> {
    const put = body === undefined ? {} : { method: 'PUT', headers: { 'content-type': INDEX }, body }
    const answer = await fetch(`${gateway.url}/v2/${path}`, put)
    await answer.arrayBuffer()
    return answer.status
  }

  test('promtool takes the rules, and sees each of them fire', async () => {
    await run('promtool', ['check', 'rules', '--lint-fatal', RULES])
    await run('promtool', ['test', 'rules', RULES_TEST])
  }, 60_000)

  test('promtool has nothing against our metrics', async () => {
    const { stderr } = await attempt('promtool', ['check', 'metrics'], { input: await gateway.metrics() })
    expect(stderr.split('\n').filter((line) => line.includes('ipfs_registry_'))).toEqual([])
  }, 60_000)

  test('every metric that a rule or a panel names is in a scrape of a gateway that has worked', async () => {
    const scraped = new Set(
      [...(await gateway.metrics()).matchAll(/^(\w+?)(?:_bucket|_count|_sum)?[{ ]/gm)].map(
        ([, name]) => name,
      ),
    )
    const expressions = [...(await alertRules()), ...expressionsOf(await dashboard())].map(({ expr }) => expr)
    expect([...new Set(expressions.flatMap(metricsIn))].filter((name) => !scraped.has(name))).toEqual([])
  })

  test('every panel has something to show of it', async () => {
    const empty: string[] = []
    for (const { panel, expr } of expressionsOf(await dashboard())) {
      const now = expr.replaceAll('$__rate_interval', '1m').replaceAll('$instance', '.*')
      if ((await prometheus.query(now)).length === 0) empty.push(`${panel}: ${now}`)
    }
    expect(empty).toEqual([])
  }, 60_000)

  test('every rule can be evaluated, and the wrong bytes raise their alert', async () => {
    const evaluated = async (): Promise<boolean> =>
      (await prometheus.rules()).every(({ health }) => health !== 'unknown')
    await until('all rules', evaluated)
    const rules = await prometheus.rules()
    expect(rules).toHaveLength((await alertRules()).length)
    expect(rules.filter(({ health }) => health !== 'ok')).toEqual([])
    const firing = 'ALERTS{alertname="IpfsRegistryDigestMismatch", alertstate="firing"}'
    await until('the alert', async () => (await prometheus.query(firing)).length === 1)
    expect(await prometheus.query('ALERTS{severity="critical", alertstate="firing"}')).toEqual([])
  }, 60_000)
})
