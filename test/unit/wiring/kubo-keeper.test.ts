import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Agent } from 'undici'
import type { Keeper } from '../../../src/follow/keeper.ts'
import { kuboKeeper } from '../../../src/wiring/kubo-keeper.ts'

const LABEL = 'ipfs-registry-follow-/ipns/images.example.org'
const ONE = CID.parse('bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve')
const { signal } = new AbortController()

/** Recursive pins of the node: CID → name, '' for none. */
const pins = new Map<string, string>()
let fetches = true
let server: Server
let dispatcher: Agent
let keeper: Keeper

beforeEach(async () => {
  pins.clear()
  fetches = true
  server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://node')
    const [arg = '', name = ''] = [searchParams.get('arg') ?? '', searchParams.get('name') ?? '']
    const fail = (Message: string): void => {
      response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ Message, Type: 'error' }))
    }
    const lines: unknown[] = []
    if (pathname === '/api/v0/pin/add') {
      if (fetches) pins.set(arg, name)
      lines.push({ Progress: 1 }, ...(fetches ? [{ Pins: [arg] }] : []))
    } else if (pathname === '/api/v0/pin/rm') pins.delete(arg)
    else if (arg === '') {
      for (const [Cid, Name] of pins) if (Name.includes(name)) lines.push({ Cid, Name, Type: 'recursive' })
    } else if (!pins.has(arg)) return fail(`path '${arg}' is not pinned`)
    else lines.push({ Keys: { [arg]: { Type: 'recursive', Name: pins.get(arg) } } })
    response.end(lines.map((line) => JSON.stringify(line)).join('\n'))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  dispatcher = new Agent()
  keeper = kuboKeeper({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, dispatcher })
})

afterEach(async () => {
  await dispatcher.close()
  server.close()
})

test('what is kept has a pin of its own name, and goes with it', async () => {
  await keeper.keep(ONE, LABEL, signal)
  expect([...pins]).toEqual([[ONE.toString(), LABEL]])
  expect(await keeper.held(LABEL, signal)).toEqual(new Set([ONE.toString()]))
  await keeper.release(ONE, LABEL, signal)
  expect(pins.size).toBe(0)
})

test.each(['', "the user's own", `${LABEL}/other`])(
  'a pin named "%s" is not renamed, and not removed',
  async (name) => {
    pins.set(ONE.toString(), name)
    await keeper.keep(ONE, LABEL, signal)
    expect(await keeper.held(LABEL, signal)).toEqual(new Set())
    await keeper.release(ONE, LABEL, signal)
    expect([...pins]).toEqual([[ONE.toString(), name]])
  },
)

test('a node that ends without a pin has kept nothing', async () => {
  fetches = false
  await expect(keeper.keep(ONE, LABEL, signal)).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
})
