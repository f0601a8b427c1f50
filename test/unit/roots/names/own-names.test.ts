import { beforeEach, describe, expect, test } from '@jest/globals'
import { formatContentPath } from '../../../../src/content/source.ts'
import { Failure } from '../../../../src/errors.ts'
import { RememberingResolver } from '../../../../src/naming/remembering-resolver.ts'
import type { NameResolver, ResolvedName } from '../../../../src/naming/resolver.ts'
import { parseKey } from '../../../../src/naming/target.ts'
import type { MutableName } from '../../../../src/reference/name.ts'
import { ownLookups, ownNames } from '../../../../src/roots/names/own-names.ts'
import { RootKeys } from '../../../../src/roots/names/root-keys.ts'
import { ed25519Key } from '../../../fixtures/ipns-keys.ts'
import { MemoryNames, UNAVAILABLE, VolatileKeyMemory } from '../../../fixtures/memory-names.ts'
import { dnslink, ScriptedLookup } from '../../../fixtures/name-lookups.ts'
import { MadeVersions } from '../../../fixtures/root-versions.ts'

const signal = new AbortController().signal
const ELSEWHERE = '/ipfs/bafkqablimvwgy3y'

let names: MemoryNames
let versions: MadeVersions
let memory: VolatileKeyMemory
let asked: string[]
/** What the network has. */
let network: NameResolver

beforeEach(() => {
  names = new MemoryNames(() => 0)
  versions = new MadeVersions()
  memory = new VolatileKeyMemory()
  asked = []
  network = {
    resolve: (name) => {
      asked.push(name.text)
      return Promise.reject(new Failure('NAME_UNRESOLVED', 'asked of the network'))
    },
  }
})

function keys(): RootKeys {
  return new RootKeys({ roots: [{ root: 'home', key: undefined }], publisher: names, memory })
}

async function ownKey(made: RootKeys): Promise<MutableName> {
  const { cid } = await made.findOrMake('home', signal)
  return parseKey(cid.toString()) as MutableName
}

function shown({ path, previous, maxAge, staleSince }: ResolvedName) {
  return { path: formatContentPath(path), previous: previous.map(formatContentPath), maxAge, staleSince }
}

describe('a key of our own', () => {
  test('leads to the newest version at once, with those before it', async () => {
    const own = { keys: keys(), versions }
    const name = await ownKey(own.keys)
    const resolver = ownNames(network, own)
    const first = await versions.push('home', 'one')
    expect(shown(await resolver.resolve(name, { signal }))).toEqual({
      path: first,
      previous: [],
      maxAge: 0,
      staleSince: undefined,
    })
    const second = await versions.push('home', 'two')
    for (const fresh of [false, true]) {
      expect(shown(await resolver.resolve(name, { signal, fresh }))).toMatchObject({
        path: second,
        previous: [first],
      })
    }
    expect(asked).toEqual([])
    expect(versions.historiesRead).toBe(2)
  })

  test.each([
    ['can not be established', new Failure('ROOT_UNREADABLE', 'half of it'), 'ROOT_UNREADABLE'],
    ['can not be read', UNAVAILABLE, 'NAME_UNRESOLVED'],
  ])('is asked of nobody else when what it is %s', async (_, failure, code) => {
    const own = { keys: keys(), versions }
    const name = await ownKey(own.keys)
    await versions.push('home', 'one')
    versions.failing = failure
    await expect(ownNames(network, own).resolve(name, { signal })).rejects.toMatchObject({ code })
    expect(asked).toEqual([])
  })

  test('throws the reason of an abort', async () => {
    const own = { keys: keys(), versions }
    const name = await ownKey(own.keys)
    const end = new AbortController()
    versions.failing = UNAVAILABLE
    end.abort(new Error('gone'))
    await expect(ownNames(network, own).resolve(name, { signal: end.signal })).rejects.toThrow('gone')
  })

  test('of a root that has no version here is asked of the network', async () => {
    const own = { keys: keys(), versions }
    const name = await ownKey(own.keys)
    await expect(ownNames(network, own).resolve(name, { signal })).rejects.toThrow('asked of the network')
    expect(asked).toEqual([name.text])
  })

  test('is known after a restart though its key can not be asked for', async () => {
    const name = await ownKey(keys())
    const value = await versions.push('home', 'one')
    names.failing.set('findKey', UNAVAILABLE)
    const resolver = ownNames(network, { keys: keys(), versions })
    expect(shown(await resolver.resolve(name, { signal })).path).toBe(value)
  })
})

test('other names are resolved as ever', async () => {
  const own = { keys: keys(), versions }
  await ownKey(own.keys)
  await versions.push('home', 'one')
  versions.failing = UNAVAILABLE
  const other = ed25519Key().name
  const resolver = ownNames(network, own)
  for (const name of [other, dnslink('images.example.org')])
    await expect(resolver.resolve(name, { signal })).rejects.toThrow('asked of the network')
  expect(asked).toEqual([other.text, 'images.example.org'])
})

describe('another name that leads to a key of our own', () => {
  test('leads to what the root is, not to what the network says of the key', async () => {
    const own = { keys: keys(), versions }
    const name = await ownKey(own.keys)
    const value = await versions.push('home', 'one')
    const lookup = new ScriptedLookup('gateway', ({ kind }) => ({
      value: kind === 'dnslink' ? `/ipns/${name.text}` : ELSEWHERE,
      ttl: 60,
    }))
    const lookups = ownLookups([lookup], own)
    const resolver = new RememberingResolver({ lookups })
    const resolved = await resolver.resolve(dnslink('images.example.org'), { signal })
    expect(formatContentPath(resolved.path)).toBe(value)
    expect(lookup.asked.map((one) => one.name)).toEqual(['images.example.org'])
    versions.failing = UNAVAILABLE
    const after = new RememberingResolver({ lookups })
    await expect(after.resolve(dnslink('images.example.org'), { signal })).rejects.toMatchObject({
      code: 'NAME_UNRESOLVED',
    })
    await after.close()
    await resolver.close()
  })
})

describe('keys', () => {
  test('are never made anew where one was known', async () => {
    await ownKey(keys())
    names.keys.clear()
    const after = keys()
    await expect(after.findOrMake('home', signal)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    await expect(after.findOrMake('home', signal)).rejects.toThrow(/is gone.*--root home=NEWKEY/)
    expect(names.keys.size).toBe(0)
  })

  test('are never made where it is not known whether there is one', async () => {
    names.failing.set('findKey', UNAVAILABLE)
    await expect(keys().findOrMake('home', signal)).rejects.toThrow('nobody answers')
    expect(names.keys.size).toBe(0)
    const warnings: string[] = []
    const warn = (message: string): void => void warnings.push(message)
    const learning = new RootKeys({ roots: [{ root: 'home', key: undefined }], publisher: names, warn })
    await learning.learn(signal)
    expect(warnings).toEqual(['the key of the root home is not known yet: nobody answers'])
  })

  test('that are others than before are taken, and told', async () => {
    const before = await ownKey(keys())
    names.keys.clear()
    const made = await names.makeKey('key-of-home')
    const warnings: string[] = []
    const after = new RootKeys({
      roots: [{ root: 'home', key: undefined }],
      publisher: names,
      memory,
      warn: (message) => warnings.push(message),
    })
    expect((await after.find('home', signal))?.cid.equals(made)).toBe(true)
    expect(warnings).toHaveLength(1)
    expect(warnings[0]).toContain(before.text)
    expect(await after.rootOf(before.text)).toBeUndefined()
  })

  test('under another name are other keys', async () => {
    const before = await ownKey(keys())
    const roots = [{ root: 'home', key: 'other' }]
    const after = new RootKeys({ roots, publisher: names, memory })
    expect(await after.rootOf(before.text)).toBeUndefined()
    const { cid } = await after.findOrMake('home', signal)
    expect(cid.equals(names.keys.get('other'))).toBe(true)
  })

  test('have one root each', () => {
    const roots = [
      { root: 'home', key: undefined },
      { root: 'team', key: 'key-of-home' },
    ]
    expect(() => new RootKeys({ roots, publisher: names })).toThrow(/two roots have the key/)
  })
})
