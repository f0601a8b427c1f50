import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { until } from '../fixtures/blob-store.ts'
import { importTree, type ContentTree } from '../fixtures/content-tree.ts'
import { ed25519Key, type IpnsKey } from '../fixtures/ipns-keys.ts'
import { LayoutBuilder } from '../fixtures/layouts.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

async function treeOf(content: string): Promise<ContentTree> {
  const layout = new LayoutBuilder()
  return importTree(Object.fromEntries(layout.list(layout.image({ content }), { ref: 'v1' }).files()))
}

const OLD = await treeOf('the old one')
const NEW = await treeOf('the new one')
const valueOf = (tree: ContentTree): string => `/ipfs/${tree.root.toString()}`

let store: Awaited<ReturnType<typeof storeFolder>>
let source: TrustlessGateway
let gateway: ServedGateway
let key: IpnsKey

beforeEach(async () => {
  store = await storeFolder()
  source = await startTrustlessGateway(OLD, NEW)
  key = ed25519Key()
})

afterEach(async () => {
  await gateway.stop()
  await source.close()
  await store.remove()
})

/** No record is held for longer than it says itself. */
async function start(flags: Record<string, string> = {}): Promise<void> {
  gateway = await startServedGateway(store.path, {
    source: [`gateway=${source.url}`],
    'ipns-ttl-min': '0',
    ...flags,
  })
}

function give(record: Uint8Array | undefined): void {
  if (record === undefined) source.records.delete(key.name.text)
  else source.records.set(key.name.text, record)
}

const pull = (): Promise<RawAnswer> => ask(gateway.port, `/v2/ipns/${key.name.text}/manifests/v1`)

function expectRoot(answer: RawAnswer, tree: ContentTree): void {
  expect(answer.status).toBe(200)
  expect(answer.headers['x-ipfs-roots']).toMatch(new RegExp(`^${tree.root.toString()}\\b`))
}

describe('records of an untrusted gateway', () => {
  test('a good one leads to its root, and a newer one to the next', async () => {
    await start()
    give(await key.record({ value: valueOf(OLD), sequence: 1n, ttl: 0 }))
    const first = await pull()
    expectRoot(first, OLD)
    expect(first.headers.warning).toBeUndefined()
    give(await key.record({ value: valueOf(NEW), sequence: 2n, ttl: 0 }))
    expectRoot(await pull(), NEW)
  })

  test('an older one is not taken: the newest seen stands', async () => {
    await start()
    give(await key.record({ value: valueOf(NEW), sequence: 2n, ttl: 0 }))
    expectRoot(await pull(), NEW)
    give(await key.record({ value: valueOf(OLD), sequence: 1n, ttl: 0 }))
    expectRoot(await pull(), NEW)
  })

  test('an older one is not taken after a restart either', async () => {
    await start()
    give(await key.record({ value: valueOf(NEW), sequence: 2n, ttl: 0 }))
    expectRoot(await pull(), NEW)
    await gateway.stop()
    give(await key.record({ value: valueOf(OLD), sequence: 1n, ttl: 0 }))
    await start()
    expectRoot(await pull(), NEW)
  })

  test.each([
    ['expired', () => key.record({ value: valueOf(OLD), validUntil: Date.now() - 1_000 })],
    ['signed with another key', () => ed25519Key().record({ value: valueOf(OLD) })],
    ['none', () => Promise.resolve(Buffer.from('<!DOCTYPE html><title>Not a record</title>'))],
    ['changed by one bit', async () => flipped(await key.record({ value: valueOf(OLD) }))],
  ])('one that is %s is refused, and nothing below it is asked for', async (_, make) => {
    await start()
    give(await make())
    const answer = await pull()
    expect(answer.status).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    const { code, message } = errorOf(answer)
    expect(code).toBe('UNAVAILABLE')
    expect(message).toContain('is not valid')
    expect(source.requests.filter(({ url }) => url.includes(OLD.root.toString()))).toEqual([])
  })
})

describe('a resolver that is mute', () => {
  test('is waited for as long as a client waits, and not longer; the look-up goes on, and the next try finds it', async () => {
    await start({ 'answer-timeout': '300ms' })
    give(await key.record({ value: valueOf(OLD), ttl: 60_000 }))
    let answerAt = (): void => undefined
    source.faults = { hold: new Promise<void>((resolve) => (answerAt = resolve)) }
    const late = await pull()
    expect([late.status, errorOf(late).code]).toEqual([504, 'UNAVAILABLE'])
    expect(Number(late.headers['retry-after'])).toBeGreaterThan(0)
    source.faults = undefined
    answerAt()
    await until(async () => (await pull()).status === 200)
    expect(source.requests.filter(({ format }) => format === 'ipns-record')).toHaveLength(1)
  })
})

describe('a name that can not be resolved any more', () => {
  test('is served from its last known root, which a warning says, also after a restart', async () => {
    await start()
    give(await key.record({ value: valueOf(OLD), ttl: 0 }))
    expectRoot(await pull(), OLD)
    give(undefined)
    for (const restart of [false, true]) {
      if (restart) {
        await gateway.stop()
        await start()
      }
      const answer = await pull()
      expectRoot(answer, OLD)
      expect(answer.headers.warning).toMatch(/^299 - "the name could not be refreshed; .*since 2/)
      expect(answer.headers.warning).toContain(valueOf(OLD))
    }
  })

  test('is served with every source down, as far as the store goes', async () => {
    await start()
    give(await key.record({ value: valueOf(OLD), ttl: 0 }))
    const first = await pull()
    const digest = String(first.headers['docker-content-digest'])
    await gateway.stop()
    source.faults = { status: 503 }
    await start()
    const answer = await ask(gateway.port, `/v2/ipns/${key.name.text}/manifests/${digest}`)
    expectRoot(answer, OLD)
    expect(answer.body.equals(first.body)).toBe(true)
    expect(answer.headers.warning).toContain('could not be refreshed')
  })

  test('is not served beyond --ipns-stale', async () => {
    await start({ 'ipns-stale': '0' })
    give(await key.record({ value: valueOf(OLD), ttl: 0 }))
    expectRoot(await pull(), OLD)
    give(undefined)
    const answer = await pull()
    expect([answer.status, errorOf(answer).code]).toEqual([503, 'UNAVAILABLE'])
  })
})

function flipped(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes)
  const at = copy.length >> 1
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
