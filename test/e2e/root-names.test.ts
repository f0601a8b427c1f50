import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { base36 } from 'multiformats/bases/base36'
import { Agent } from 'undici'
import { endpointAt } from '../../src/content/transport/endpoint.ts'
import { GatewayLookup } from '../../src/naming/gateway-lookup.ts'
import { KeptRecords } from '../../src/naming/kept-records.ts'
import { KuboLookup } from '../../src/naming/kubo-lookup.ts'
import { parseKey } from '../../src/naming/target.ts'
import { DelegatedRouters } from '../../src/roots/names/embedded/delegated-routers.ts'
import { EmbeddedNames } from '../../src/roots/names/embedded/embedded-names.ts'
import { KuboNames } from '../../src/roots/names/kubo/kubo-names.ts'
import type { NamePublisher } from '../../src/roots/names/name-publisher.ts'
import { RootKeys } from '../../src/roots/names/root-keys.ts'
import type { RootNameState } from '../../src/roots/names/root-name-state.ts'
import { RootPublisher } from '../../src/roots/names/root-publisher.ts'
import { MapRecords } from '../fixtures/map-records.ts'
import { MadeVersions } from '../fixtures/root-versions.ts'
import { until } from './harness/child.ts'
import { KuboNode } from './harness/kubo.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

const MINUTE = 60_000
const signal = new AbortController().signal
const TIMING = { batch: 50, retryMin: 200, retryMax: 1000, check: 2000 }

describeWith(['ipfs'], 'names of roots', () => {
  const teardown = new Teardown()
  let first: KuboNode
  let second: KuboNode
  let agent: Agent
  let versions: MadeVersions
  /** Each test has a key of its own. */
  let keyName: string
  let tests = 0

  beforeAll(async () => {
    agent = new Agent()
    teardown.defer(() => agent.destroy())
    ;[first, second] = await KuboNode.pair(teardown)
  }, 90_000)
  afterAll(() => teardown.run(), 60_000)

  beforeEach(() => {
    versions = new MadeVersions()
    keyName = `test-${++tests}`
  })

  function throughKubo(node = first): KuboNames {
    return new KuboNames({ baseUrl: node.api, dispatcher: agent })
  }

  function follow(publisher: NamePublisher, key: string = keyName): RootPublisher {
    const keys = new RootKeys({ roots: [{ root: 'home', key }], publisher })
    const made = new RootPublisher({ keys, versions, lifetime: 60 * MINUTE, ttl: MINUTE, timing: TIMING })
    teardown.defer(() => made.stop(AbortSignal.abort()))
    made.start()
    return made
  }

  const state = (made: RootPublisher): RootNameState | undefined => made.state('home')

  async function published(made: RootPublisher, value: string): Promise<RootNameState> {
    await until(`${value} to be published`, () => {
      const now = state(made)
      return now?.pending === false && now.published === value
    })
    return state(made) as RootNameState
  }

  async function resolved(node: KuboNode, key: string): Promise<string> {
    return (await node.ipfs(['name', 'resolve', '--nocache', '--recursive=false', `/ipns/${key}`])).trim()
  }

  test('follow pushes, and are resolved by another node, through it, and by records it gives', async () => {
    const made = follow(throughKubo())
    let value = ''
    for (const push of ['one', 'two', 'three']) {
      value = await versions.push('home', push)
      made.changed('home')
      const { key = '' } = await published(made, value)
      expect(await first.ipfs(['key', 'list', '-l', '--ipns-base', 'base36'])).toContain(`${key} ${keyName}`)
      expect(await resolved(second, key)).toBe(value)
    }
    const name = parseKey(state(made)?.key ?? '')
    if (name === undefined) throw new Error('no key')
    const through = new KuboLookup({ name: 'kubo', rpcUrl: second.api, dispatcher: agent })
    expect(await through.lookup(name, { signal, fresh: true })).toMatchObject({ value })
    const given = new GatewayLookup({ name: 'gateway', baseUrl: second.gateway, dispatcher: agent })
    expect(await given.lookup(name, { signal, fresh: true })).toMatchObject({ value, sequence: 3n, ttl: 60 })
    await made.stop(signal)
  }, 60_000)

  test('are published again after a restart only when they are not the newest', async () => {
    const value = await versions.push('home', 'one')
    const before = follow(throughKubo())
    await published(before, value)
    await before.stop(signal)
    const after = follow(throughKubo())
    expect(await published(after, value)).toMatchObject({ sequence: 1n })
    await after.stop(signal)
    const newer = await versions.push('home', 'two')
    expect(await published(follow(throughKubo()), newer)).toMatchObject({ sequence: 2n })
  }, 60_000)

  test('use a key that is there, that of the node too', async () => {
    const generated = (await first.ipfs(['key', 'gen', keyName, '--ipns-base', 'base36'])).trim()
    const value = await versions.push('home', 'one')
    expect(await published(follow(throughKubo()), value)).toMatchObject({ key: generated, keyName })
    const { ID } = JSON.parse(await first.ipfs(['id'])) as { ID: string }
    const self = await published(follow(throughKubo(), 'self'), value)
    expect(self.key).toBe(parseKey(ID)?.text)
    // A key may be given by its name on IPNS as well.
    expect(await published(follow(throughKubo(), generated), value)).toMatchObject({ key: generated })
    expect((await first.ipfs(['key', 'list'])).match(new RegExp(`^${keyName}$`, 'gm'))).toHaveLength(1)
  }, 60_000)

  test('are not taken from something else', async () => {
    await first.ipfs(['key', 'gen', keyName])
    const site = '/ipfs/bafkqablimvwgy3y'
    await first.ipfs(['name', 'publish', '--key', keyName, '--resolve=false', site])
    await versions.push('home', 'one')
    const made = follow(throughKubo())
    await until('a refusal', () => state(made)?.error !== undefined)
    expect(state(made)?.error).toContain(`leads to ${site}`)
    expect(await resolved(first, state(made)?.key ?? '')).toBe(site)
  }, 60_000)

  test('never go back while several gateways publish at once', async () => {
    const gateways = [follow(throughKubo()), follow(throughKubo()), follow(throughKubo())]
    const values: string[] = []
    const push = async (): Promise<void> => {
      values.push(await versions.push('home', `version ${values.length}`))
      for (const gateway of gateways) gateway.changed('home')
    }
    await push()
    const key = (await published(gateways[0] as RootPublisher, values[0] as string)).key ?? ''
    const seen: number[] = []
    for (let n = 0; n < 40; n += 1) {
      await push()
      seen.push(values.indexOf(await resolved(first, key)))
    }
    for (const gateway of gateways) await published(gateway, values.at(-1) as string)
    expect(seen).not.toContain(-1)
    expect(seen).toEqual(seen.toSorted((a, b) => a - b))
    expect(await resolved(second, key)).toBe(values.at(-1))
  }, 120_000)

  test('are refused where another gateway published meanwhile', async () => {
    const [one, other] = [throughKubo(), throughKubo()]
    const made = await Promise.all([1, 2, 3, 4].map(() => throughKubo().makeKey(keyName, signal)))
    expect(new Set(made.map(String)).size).toBe(1)
    const key = { name: keyName, cid: made[0] as never }
    const publish = async (names: KuboNames, value: string) => {
      const after = await names.current(key, signal)
      return () => names.publish(key, { value, after, lifetime: 60 * MINUTE, ttl: MINUTE }, signal)
    }
    for (const sequence of [1n, 2n]) {
      const late = await publish(one, '/ipfs/bafkqablimvwgy3y')
      const early = await publish(other, `/ipfs/bafkqa${'a'.repeat(2)}`)
      expect(await early()).toMatchObject({ sequence })
      expect(await late()).toBeUndefined()
    }
    expect(await one.current(key, signal)).toMatchObject({ sequence: 2n })
  }, 60_000)

  test('go on where a key came from another node, and are not taken from what that published', async () => {
    const node = await KuboNode.start(teardown, { online: true })
    await node.ipfs(['swarm', 'connect', second.address])
    const folder = await tempFolder(teardown)
    const before = await versions.push('home', 'one')
    const { key } = await published(follow(throughKubo()), before)
    for (const push of ['two', 'three']) await versions.push('home', push)
    const gone = follow(throughKubo())
    const three = `/ipfs/${(await versions.head('home'))?.cid.toString()}`
    expect(await published(gone, three)).toMatchObject({ sequence: 2n })
    await first.ipfs(['key', 'export', '-o', join(folder, 'key'), keyName])
    await node.ipfs(['key', 'import', keyName, join(folder, 'key')])

    const strangers = versions
    versions = new MadeVersions()
    await versions.push('home', 'another root')
    const refused = follow(throughKubo(node))
    await until('a refusal', () => state(refused)?.error !== undefined)
    expect(state(refused)?.error).toContain(`leads to ${three}`)
    await refused.stop(AbortSignal.abort())

    versions = strangers
    const four = await versions.push('home', 'four')
    expect(await published(follow(throughKubo(node)), four)).toMatchObject({ key, sequence: 3n })
    expect(await resolved(second, key ?? '')).toBe(four)
  }, 90_000)

  test.each(['online', 'offline'])(
    'are published once a node that was down is up again (%s)',
    async (mode) => {
      const node = await KuboNode.start(teardown, { online: mode === 'online' })
      if (mode === 'online') await node.ipfs(['swarm', 'connect', second.address])
      const made = follow(throughKubo(node))
      const one = await versions.push('home', 'one')
      made.changed('home')
      const { key = '' } = await published(made, one)
      await node.kill()
      const two = await versions.push('home', 'two')
      made.changed('home')
      await until('a failure', () => state(made)?.error !== undefined)
      expect(state(made)).toMatchObject({ published: one, pending: true })
      await node.up()
      await published(made, two)
      expect(await resolved(node, key)).toBe(two)
      if (mode === 'offline') return
      // What was published while nobody was connected is published again.
      await node.ipfs(['swarm', 'connect', second.address])
      await until('the other node to hear of it', async () => (await resolved(second, key)) === two)
    },
    90_000,
  )

  test('with keys of our own are taken by Kubo, as records and as keys', async () => {
    const folder = await tempFolder(teardown)
    const records = new KeptRecords(new MapRecords())
    const routers = [first.gateway].map((url) => endpointAt(url, { name: 'router', dispatcher: agent }))
    const publisher = new EmbeddedNames({ folder, records, routers: new DelegatedRouters(routers) })
    const made = follow(publisher)
    let value = ''
    for (const push of ['one', 'two']) {
      value = await versions.push('home', push)
      made.changed('home')
      const { key = '' } = await published(made, value)
      expect(await resolved(second, key)).toBe(value)
    }
    const key = state(made)?.key ?? ''
    // As it is served to others.
    const record = await records.find(parseKey(key)?.key as never)
    await writeFile(join(folder, 'record'), record?.bytes ?? '')
    const inspected = await first.ipfs(['name', 'inspect', '--verify', key, join(folder, 'record')])
    expect(inspected).toMatch(/Valid:\s+true/)
    const offline = await KuboNode.repo(teardown)
    const format = '--format=pem-pkcs8-cleartext'
    const imported = await offline.ipfs([
      'key',
      'import',
      format,
      '--ipns-base=base36',
      'home',
      join(folder, keyName),
    ])
    expect(imported.trim()).toBe(key)
    // And the other way.
    await offline.ipfs(['key', 'gen', 'made-by-kubo'])
    await offline.ipfs(['key', 'export', format, '-o', join(folder, 'made-by-kubo'), 'made-by-kubo'])
    expect(await readFile(join(folder, 'made-by-kubo'), 'utf8')).toMatch(/BEGIN PRIVATE KEY/)
    const listed = await offline.ipfs(['key', 'list', '-l', '--ipns-base', 'base36'])
    const found = await publisher.findKey('made-by-kubo')
    expect(listed).toContain(`${found?.toString(base36)} made-by-kubo`)
  }, 90_000)
})
