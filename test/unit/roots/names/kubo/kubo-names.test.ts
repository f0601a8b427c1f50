import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Agent } from 'undici'
import { KuboNames } from '../../../../../src/roots/names/kubo/kubo-names.ts'
import type { PublishedRecord, PublishingKey } from '../../../../../src/roots/names/name-publisher.ts'
import { ed25519Key, type IpnsKey } from '../../../../fixtures/ipns-keys.ts'

const VALUE = '/ipfs/bafkqablimvwgy3y'
const signal = new AbortController().signal

type Reply = object | string
/** What Kubo says of a command: an object, or the message of an error. */
type Replies = Record<string, Reply | ((query: URLSearchParams) => Reply)>

let server: Server
let agent: Agent
let names: KuboNames
let replies: Replies
let asked: { command: string; query: URLSearchParams }[]
let made: IpnsKey
let key: PublishingKey

beforeEach(async () => {
  replies = {}
  asked = []
  server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://kubo')
    const command = url.pathname.replace('/api/v0/', '')
    asked.push({ command, query: url.searchParams })
    const reply = replies[command]
    const said = typeof reply === 'function' ? reply(url.searchParams) : (reply ?? 'unknown command')
    const body = typeof said === 'string' ? { Message: said, Code: 0, Type: 'error' } : said
    response.writeHead(typeof said === 'string' ? 500 : 200, { 'Content-Type': 'application/json' })
    response.end(`${JSON.stringify(body)}\n`)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  agent = new Agent()
  const { port } = server.address() as AddressInfo
  names = new KuboNames({ baseUrl: `http://127.0.0.1:${port}`, dispatcher: agent })
  made = ed25519Key()
  key = { name: 'home', cid: made.name.key }
})

afterEach(async () => {
  await agent.destroy()
  server.closeAllConnections()
  server.close()
})

const commands = (): string[] => asked.map(({ command }) => command)
const sequences = (): (string | null)[] =>
  asked.filter(({ command }) => command === 'name/publish').map(({ query }) => query.get('sequence'))

async function publish(after: PublishedRecord | undefined): Promise<PublishedRecord | undefined> {
  return names.publish(key, { value: VALUE, after, lifetime: 172_800_000, ttl: 60_000 }, signal)
}

describe('a key', () => {
  const other = ed25519Key().name.text

  test('is found by its name, or by that on IPNS', async () => {
    replies['key/list'] = {
      Keys: [
        { Name: 'self', Id: other },
        { Name: 'home', Id: made.name.text },
      ],
    }
    expect((await names.findKey('home', signal))?.equals(key.cid)).toBe(true)
    expect((await names.findKey(made.name.text, signal))?.equals(key.cid)).toBe(true)
    expect(await names.findKey('hom', signal)).toBeUndefined()
  })

  test.each<[string, Reply]>([
    ['an error', 'who knows'],
    ['no list', { Keys: null }],
    ['nothing', {}],
    ['a list of something else', { Keys: [{ Name: 'home', Id: 'no key' }] }],
  ])('is not taken to be missing when the list is %s', async (_, reply) => {
    replies['key/list'] = reply
    await expect(names.findKey('home', signal)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('is made, or was made by another gateway meanwhile', async () => {
    replies['key/gen'] = { Name: 'home', Id: made.name.text }
    expect((await names.makeKey('home', signal)).equals(key.cid)).toBe(true)
    expect(asked[0]?.query.get('type')).toBe('ed25519')
    replies['key/gen'] = "key with name 'home' already exists"
    replies['key/list'] = { Keys: [{ Name: 'home', Id: made.name.text }] }
    expect((await names.makeKey('home', signal)).equals(key.cid)).toBe(true)
    replies['key/list'] = { Keys: [] }
    await expect(names.makeKey('home', signal)).rejects.toThrow(/already exists/)
  })

  test('is not made from a name on IPNS', async () => {
    await expect(names.makeKey(other, signal)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(commands()).toEqual([])
  })
})

describe('what is published', () => {
  async function record(sequence: bigint, validUntil?: number): Promise<object> {
    const bytes = await made.record({ value: VALUE, sequence, ...(validUntil && { validUntil }) })
    return { Type: 5, Extra: Buffer.from(bytes).toString('base64') }
  }

  test('is read from the node itself', async () => {
    replies['routing/get'] = await record(5n)
    expect(await names.current(key, signal)).toMatchObject({ value: VALUE, sequence: 5n, settled: true })
    expect(asked[0]?.query.get('offline')).toBe('true')
  })

  test.each([
    ['where there is none', 'datastore: key not found'],
    ['where it has expired', 'record has expired'],
  ])('is nothing %s', async (_, message) => {
    replies['routing/get'] = message
    expect(await names.current(key, signal)).toBeUndefined()
    expect(commands()).toEqual(['routing/get'])
  })

  test('is nothing where the record has expired or is of another key', async () => {
    replies['routing/get'] = await record(5n, Date.now() - 1000)
    expect(await names.current(key, signal)).toBeUndefined()
    made = ed25519Key()
    replies['routing/get'] = await record(5n)
    expect(await names.current(key, signal)).toBeUndefined()
  })

  test('is not known when the node can not say', async () => {
    replies['routing/get'] = 'disk on fire'
    await expect(names.current(key, signal)).rejects.toThrow(/disk on fire/)
    replies['routing/get'] = { Extra: 7 }
    await expect(names.current(key, signal)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('is the path alone while the node is offline', async () => {
    replies['routing/get'] = "this action must be run in online mode, try running 'ipfs daemon' first"
    replies['name/resolve'] = { Path: VALUE }
    const found = { value: VALUE, sequence: undefined, validUntil: undefined, settled: true }
    expect(await names.current(key, signal)).toEqual(found)
    replies['name/resolve'] = 'could not resolve name'
    expect(await names.current(key, signal)).toBeUndefined()
    replies['name/resolve'] = 'disk on fire'
    await expect(names.current(key, signal)).rejects.toThrow(/disk on fire/)
  })
})

describe('publishing', () => {
  const current = (sequence: bigint | undefined): PublishedRecord => ({
    value: VALUE,
    sequence,
    validUntil: undefined,
    settled: true,
  })

  beforeEach(() => {
    replies['name/publish'] = { Name: made.name.text, Value: VALUE }
  })

  test('takes the sequence after the one that was read', async () => {
    expect(await publish(current(7n))).toMatchObject({ value: VALUE, sequence: 8n })
    await publish(undefined)
    await publish(current(undefined))
    expect(sequences()).toEqual(['8', '1', null])
    expect(Object.fromEntries(asked[0]?.query ?? [])).toMatchObject({
      arg: VALUE,
      key: 'home',
      lifetime: '172800000ms',
      ttl: '60000ms',
      'allow-offline': 'true',
      resolve: 'false',
    })
  })

  test('by a node without peers leaves it open whether the network has it', async () => {
    const bytes = await made.record({ value: VALUE, sequence: 8n })
    replies['routing/get'] = { Extra: Buffer.from(bytes).toString('base64') }
    replies['swarm/peers'] = { Peers: null }
    expect(await publish(current(7n))).toMatchObject({ settled: false })
    expect(await names.current(key, signal)).toMatchObject({ settled: false })
    replies['swarm/peers'] = { Peers: [{ Peer: 'someone' }] }
    expect(await publish(current(8n))).toMatchObject({ settled: true })
    expect(await names.current(key, signal)).toMatchObject({ settled: true })
  })

  test('that is refused is not done', async () => {
    replies['name/publish'] = 'sequence number must be greater than the current record sequence'
    expect(await publish(current(7n))).toBeUndefined()
    await expect(publish(current(undefined))).rejects.toThrow(/must be greater/)
  })

  test('that was refused though nothing newer is to be read looks in the network, then leaves the sequence to Kubo', async () => {
    const taken = { Name: made.name.text, Value: VALUE }
    replies['name/publish'] = (query) =>
      query.has('sequence') ? 'sequence number must be greater than the current record sequence' : taken
    replies['routing/get'] = 'routing: not found'
    expect(await publish(undefined)).toBeUndefined()
    expect(await names.current(key, signal)).toBeUndefined()
    const looked = asked.filter(({ command }) => command === 'routing/get')
    expect(looked.map(({ query }) => query.get('offline'))).toEqual(['true', null])
    expect(await publish(undefined)).toMatchObject({ value: VALUE, sequence: undefined })
    expect(sequences()).toEqual(['1', null])
  })

  test('that fails leaves it open whether the network has it', async () => {
    const bytes = await made.record({ value: VALUE, sequence: 8n })
    replies['routing/get'] = { Extra: Buffer.from(bytes).toString('base64') }
    replies['name/publish'] = 'failed to find any peer in table'
    await expect(publish(current(7n))).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    expect(await names.current(key, signal)).toMatchObject({ settled: false })
    replies['name/publish'] = { Name: made.name.text, Value: VALUE }
    await publish(current(8n))
    expect(await names.current(key, signal)).toMatchObject({ settled: true })
  })

  test('under another key than that is known is a failure', async () => {
    replies['name/publish'] = { Name: ed25519Key().name.text, Value: VALUE }
    await expect(publish(undefined)).rejects.toThrow(/it published under/)
  })

  test('through nothing is a failure, and nothing is taken for missing', async () => {
    server.closeAllConnections()
    server.close()
    for (const call of [
      () => names.findKey('home', signal),
      () => names.makeKey('home', signal),
      () => names.current(key, signal),
      () => publish(undefined),
    ])
      await expect(call()).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })
})
