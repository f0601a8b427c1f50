import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { join } from 'node:path'
import { startStubServer, type StubServer } from '../fixtures/stub-upstream.ts'
import { run, until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { descriptorOf, makeImage, makeIndex } from './harness/images.ts'
import { docker, oras, regctl, skopeo, type PushBy, type Pusher } from './harness/pushers.ts'
import { Registry } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

const SECRET = 'only-for-tests-5up3r'
const PUSHING: readonly Pusher[] = [skopeo, docker, regctl, oras]
const PROGRAMS = [
  ...new Set(PUSHING.flatMap(({ programs }) => programs)),
  'umoci',
  'registry',
  'docker-registry',
]

interface Event {
  readonly action: string
  readonly target: Readonly<Record<string, string | number>>
  readonly request: Readonly<Record<string, string>>
}

/** A registry that tells one receiver of everything. */
interface Telling {
  readonly host: string
  readonly receiver: StubServer
}

/**
 * What a receiver was told about a repository, but for what differs between registries: their address, what is ours, and
 * that distribution 3 gives empty values where 2 leaves something out. Blobs come in any order.
 */
function toldOf({ host, receiver }: Telling, repository: string): object[] {
  return eventsOf(receiver)
    .filter(({ action, target }) => action !== 'pull' && target['repository'] === repository)
    .map(({ action, target, request }) => {
      const { method, useragent, host: called } = request
      const all: Record<string, unknown> = { action, ...target, method, useragent, host: called }
      const facts = Object.entries(all)
        .filter(([name, value]) => name !== 'ipfsPath' && value !== '' && value !== 0)
        .map(([name, value]) => [name, String(value).replace(host, 'HOST')])
      return Object.fromEntries(facts.sort()) as Record<string, string>
    })
    .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

function eventsOf(receiver: StubServer): Event[] {
  return receiver.requests.flatMap(({ body }) => (JSON.parse(body) as { events: Event[] }).events)
}

describeWith(PROGRAMS, 'events', () => {
  const teardown = new Teardown()
  let layouts: string
  let gateway: Gateway
  let own: Telling
  let others: readonly Telling[]

  beforeAll(async () => {
    layouts = await tempFolder(teardown, 'layouts')
    await Promise.all(PUSHING.map(({ name }) => makeLayout(layoutOf(name), name)))
    const receiver = await startReceiver()
    gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: [
        ...['--push', '--delete', '--upstream', 'none', '--log-format', 'json', '--webhook'],
        [receiver.url, 'header.X-Hook=' + SECRET, ...kinds('push', 'delete', 'blob', 'root')].join(';'),
      ],
    })
    own = { host: gateway.host, receiver }
    others = await Promise.all(
      (['registry', 'docker-registry'] as const).map(async (program) => {
        const to = await startReceiver()
        const { host } = await Registry.start(teardown, { program, notify: `${to.url}/events` })
        return { host, receiver: to }
      }),
    )
  }, 120_000)
  afterAll(() => teardown.run(), 60_000)

  const layoutOf = (name: string): string => join(layouts, name)

  /** No layer is in two images, so that none is taken from another repository: distribution does that only where told. */
  async function makeLayout(layout: string, seed: string): Promise<void> {
    await makeImage(layout, 'one', { layers: [50_000, 1_200_000], seed })
    for (const architecture of ['amd64', 'arm64']) {
      await makeImage(layout, architecture, { layers: [30_000], seed: seed + architecture, architecture })
    }
    await makeIndex(layout, 'many', { amd64: 'amd64', arm64: 'arm64' })
  }

  const kinds = (...names: string[]): string[] => names.map((name) => `event=${name}`)

  async function startReceiver(): Promise<StubServer> {
    const receiver = await startStubServer((_, response) => void response.writeHead(200).end())
    teardown.defer(() => receiver.close())
    return receiver
  }

  const taggedIn = ({ receiver }: Telling, repository: string): Event[] =>
    eventsOf(receiver).filter(
      ({ action, target }) => action === 'push' && target['repository'] === repository && 'tag' in target,
    )

  describe.each(PUSHING.map((pusher) => [pusher.name, pusher] as const))('of a push by %s', (_, pusher) => {
    const ending = new Teardown()
    let push: PushBy

    beforeAll(async () => {
      push = await pusher.start(ending)
    }, 90_000)
    afterAll(() => ending.run(), 60_000)

    test.each(pusher.pushesIndex ? ['one', 'many'] : ['one'])(
      '(%s) are those of distribution, and say where it is on IPFS',
      async (tag) => {
        const repository = `team/${pusher.name}-${tag}`
        for (const { host } of [own, ...others]) {
          await push({ layout: layoutOf(pusher.name), tag, reference: `${host}/${repository}:${tag}` })
        }
        // It is the last one of each push.
        for (const telling of [own, ...others]) {
          await until('the events', () => taggedIn(telling, repository).length > 0)
        }
        const told = toldOf(own, repository)
        expect(told.length).toBeGreaterThan(3)
        for (const other of others) expect(told).toEqual(toldOf(other, repository))
        const [pushed, ...more] = taggedIn(own, repository)
        expect(more).toEqual([])
        const there = `${gateway.url}/v2${String(pushed?.target['ipfsPath'])}/manifests/${tag}`
        const answer = await fetch(there, { method: 'HEAD' })
        expect(answer.headers.get('docker-content-digest')).toBe(pushed?.target['digest'])
      },
      120_000,
    )
  })

  test('of a deletion are those of distribution', async () => {
    const repository = 'team/deleted'
    const { digest } = await descriptorOf(layoutOf('skopeo'), 'one')
    for (const { host } of [own, ...others]) {
      await run('skopeo', [
        ...['copy', '--quiet', '--dest-tls-verify=false', `oci:${layoutOf('skopeo')}:one`],
        `docker://${host}/${repository}:one`,
      ])
      await run('skopeo', ['delete', '--tls-verify=false', `docker://${host}/${repository}:one`])
    }
    const deletions = (telling: Telling) =>
      toldOf(telling, repository).filter((event) => 'action' in event && event.action === 'delete')
    for (const telling of [own, ...others]) await until('events', () => deletions(telling).length === 2)
    expect(deletions(own)).toMatchObject([{ digest }, { tag: 'one' }])
    for (const other of others) expect(deletions(own)).toEqual(deletions(other))
  }, 60_000)

  test('of the root follow each other, and are in the log once', async () => {
    const versions = eventsOf(own.receiver).filter(({ action }) => action === 'root')
    expect(versions.map(({ target }) => target['version'])).toEqual(versions.map((_, at) => at + 1))
    const last = versions.at(-1)?.target['cid']
    const roots = JSON.parse(await gateway.command(['roots', '--json', '--store', gateway.store])) as unknown
    expect(JSON.stringify(roots)).toContain(last)
    const lines = gateway.process.output().split('\n')
    expect(lines.filter((line) => line.includes('"a root has changed"'))).toHaveLength(versions.length)
  }, 60_000)

  test('carry the secret of their receiver, which is seen nowhere else', async () => {
    expect(own.receiver.requests.map(({ headers }) => headers['x-hook'])).toContain(SECRET)
    expect(gateway.process.output()).not.toContain(SECRET)
    expect(await gateway.metrics()).not.toContain(SECRET)
  })

  test('that wait are sent before the gateway ends', async () => {
    const receiver = await startReceiver()
    const other = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: ['--push', '--upstream', 'none', '--webhook', receiver.url],
    })
    receiver.answer = (_, response) => void response.writeHead(503).end()
    await run('skopeo', [
      ...['copy', '--quiet', '--dest-tls-verify=false', `oci:${layoutOf('skopeo')}:one`],
      `docker://${other.host}/team/app:one`,
    ])
    await until('a request that fails', () => receiver.requests.length > 0)
    receiver.answer = (_, response) => void response.writeHead(200).end()
    await other.down()
    expect(eventsOf(receiver).slice(-2)).toMatchObject([{ action: 'root' }, { action: 'push' }])
  }, 60_000)
})
