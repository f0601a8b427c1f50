import { expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Failure } from '../../../src/errors.ts'
import type { RootNameState } from '../../../src/roots/names/root-name-state.ts'
import type { RootVersion } from '../../../src/roots/root-store.ts'
import { rootsStatus } from '../../../src/wiring/root-status.ts'

const CONTENT = CID.parse('bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy')
type Head = (root: string, signal: AbortSignal) => Promise<RootVersion | undefined>

function roots(head: Head, options: { privately?: Head; state?: Partial<RootNameState> } = {}) {
  const { privately, state } = options
  return {
    kept: {
      store: { versions: { head } },
      privately: privately === undefined ? undefined : { store: { versions: { head: privately } } },
    },
    names: {
      keys: { roots: ['home'] },
      publisher: state === undefined ? undefined : { state: () => state },
    },
  } as unknown as Parameters<typeof rootsStatus>[0]
}

const version = (number: number, at?: number): RootVersion => ({ number, cid: CONTENT, at })

test('a root with its version, and how far its name is', async () => {
  const at = Date.now() - 60_000
  const state = { key: 'k51abc', published: '/ipfs/before', behindSince: Date.now() - 30_000, error: 'no' }
  const [home, ...others] = await rootsStatus(roots(async () => version(3, at), { state }))
  expect(others).toEqual([])
  expect(home).toMatchObject({
    name: 'home',
    private: false,
    version: 3,
    cid: CONTENT.toString(),
    changed: new Date(at).toISOString(),
    error: null,
    publishing: { ipns_name: '/ipns/k51abc', published: '/ipfs/before', seen: null, error: 'no' },
  })
  expect(home?.age_seconds).toBeGreaterThanOrEqual(60)
  expect(home?.publishing?.behind_seconds).toBeGreaterThanOrEqual(30)
})

test('nothing that leads to what is in the private root is told', async () => {
  const secret = async (): Promise<RootVersion> => version(9, 1)
  const [, hidden] = await rootsStatus(roots(async () => undefined, { privately: secret }))
  expect(hidden).toMatchObject({ name: 'private', private: true, version: 9, cid: null, publishing: null })
  const broken = async (): Promise<never> => {
    throw new Failure('ROOT_UNREADABLE', `${CONTENT.toString()} is gone`)
  }
  const all = await rootsStatus(roots(async () => undefined, { privately: broken }))
  expect(all[1]).toMatchObject({ version: null, error: 'it could not be read' })
  expect(JSON.stringify(all)).not.toContain(CONTENT.toString())
})

test('a Kubo that does not answer, and does not heed its signal, is not waited for', async () => {
  const stuck = (): Promise<never> => new Promise(() => undefined)
  const [home] = await rootsStatus(roots(stuck))
  expect(home).toMatchObject({ version: null, cid: null, error: 'not read within 1 s' })
})
