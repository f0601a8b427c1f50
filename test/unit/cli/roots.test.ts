import { expect, test } from '@jest/globals'
import type { Collected, RootReport } from '../../../src/cli/root-reports.ts'
import { Failure } from '../../../src/errors.ts'
import { commandLine } from '../../fixtures/command-line.ts'

const AT = Date.UTC(2026, 0, 2, 3, 4, 5)
const HOME: RootReport = {
  root: 'home',
  versions: [
    { number: 12, cid: 'bafynew', at: AT },
    { number: 11, cid: 'bafyold' },
  ],
  bytes: 2_726_297,
  keptBytes: 5_000_000,
  name: { keyName: 'home', key: 'k51key', published: '/ipfs/bafynew', publishedAt: AT + 1000 },
}

function roots(reports: readonly RootReport[], ...argv: string[]) {
  return commandLine({ argv: ['roots', ...argv], program: { roots: async () => reports } })
}

test('shows what a root is, what it was, and where its name leads', async () => {
  const { code, stdout } = await roots([HOME])
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    'home',
    '  current    /ipfs/bafynew',
    '  version    12, 2026-01-02T03:04:05.000Z',
    '  bytes      2.6 MiB, 4.8 MiB with all that is kept',
    '  name       /ipns/k51key (key home)',
    '  published  the current version, seen 2026-01-02T03:04:06.000Z',
    '  before     /ipfs/bafyold, 11',
    '',
  ])
})

test.each([
  [{ published: '/ipfs/bafyold', behindSince: AT }, '/ipfs/bafyold, behind since 2026-01-02T03:04:05.000Z'],
  [{ published: '/ipfs/bafyold' }, '/ipfs/bafyold'],
  [{ behindSince: AT }, 'nothing, behind since 2026-01-02T03:04:05.000Z'],
  [{ published: '/ipfs/bafynew' }, 'the current version'],
])('says how far the name is behind: %j', async (name, text) => {
  const { stdout } = await roots([{ ...HOME, name: { keyName: 'home', key: 'k51key', ...name } }])
  expect(stdout.split('\n')).toContain(`  published  ${text}`)
})

test('shows roots without a version, without a key, and with the last error of publishing', async () => {
  const empty = { root: 'more', versions: [], bytes: 0, keptBytes: 0 }
  const { code, stdout } = await roots([
    { ...empty, name: { keyName: 'website', error: 'no\x1b[2J' } },
    { ...HOME, root: 'forgotten', name: undefined },
  ])
  expect(code).toBe(0)
  expect(stdout).toContain(
    'more\n  current     nothing was pushed yet\n  name        none yet (key website)\n  last error  no?[2J\n\nforgotten\n',
  )
})

test('fails where a root can not be read, after showing the others', async () => {
  const broken = { root: 'more', versions: [], bytes: 0, keptBytes: 0, error: 'it is gone' }
  const { code, stdout } = await roots([broken, HOME])
  expect(code).toBe(1)
  expect(stdout).toContain('more\n  current  not known\n  error    it is gone\n')
  expect(stdout).toContain('bafynew')
})

test('as JSON', async () => {
  expect(JSON.parse((await roots([HOME], '--json')).stdout)).toEqual([HOME])
})

function gc(collected: Omit<Collected, 'dryRun'>, ...argv: string[]) {
  return commandLine({
    argv: ['gc', ...argv],
    program: { gc: async (_, dryRun) => ({ ...collected, dryRun }) },
  })
}

const EMBEDDED = {
  blobs: [
    { digest: 'sha256:aa', size: 1024 },
    { digest: 'sha256:bb', size: 1 },
  ],
  blobBytes: 1025,
  blocks: 1,
  blockBytes: 511,
}

test('gc says what it removed; a dry run lists it', async () => {
  expect((await gc({ embedded: EMBEDDED })).stdout).toBe('removed 2 blobs and 1 other block: 1.5 KiB\n')
  expect((await gc({ embedded: EMBEDDED }, '--dry-run')).stdout).toBe(
    'sha256:aa  1.0 KiB\nsha256:bb  1 B\nwould remove 2 blobs and 1 other block: 1.5 KiB\n',
  )
  const { stdout } = await gc({ embedded: EMBEDDED }, '--dry-run', '--json')
  expect(JSON.parse(stdout)).toEqual({ embedded: EMBEDDED, dryRun: true })
})

test('gc of a Kubo says what is released, and who frees it', async () => {
  const kubo = { paths: ['/ipfs-registry/roots/home/1'], pins: ['bafypin'] }
  const frees = 'what nothing else holds is freed by the node itself: ipfs repo gc'
  expect((await gc({ kubo })).stdout).toBe(`released 1 entry of MFS and 1 pin in Kubo; ${frees}\n`)
  expect((await gc({ kubo }, '--dry-run')).stdout).toBe(
    `/ipfs-registry/roots/home/1\npin bafypin\nwould release 1 entry of MFS and 1 pin in Kubo; ${frees}\n`,
  )
})

test('a long list is cut for people, not as JSON', async () => {
  const blobs = Array.from({ length: 250 }, (_, i) => ({ digest: `sha256:${i}`, size: 1 }))
  const collected = { embedded: { ...EMBEDDED, blobs } }
  const lines = (await gc(collected, '--dry-run')).stdout.trimEnd().split('\n')
  expect(lines).toHaveLength(202)
  expect(lines[200]).toBe('… and 50 more; --json lists them all')
  const all = JSON.parse((await gc(collected, '--dry-run', '--json')).stdout) as Collected
  expect(all.embedded?.blobs).toHaveLength(250)
})

test('unpublish passes the path on, says what follows, and tells failures', async () => {
  const program = { unpublish: async (_: unknown, path: string) => ({ cid: path }) }
  const argv = ['unpublish', 'bafyroot']
  expect((await commandLine({ argv, program })).stdout).toMatch(/^bafyroot is kept no longer; .* gc frees/)
  expect((await commandLine({ argv: [...argv, '--json'], program })).stdout).toBe('{"cid":"bafyroot"}\n')
  expect((await commandLine({ argv: ['unpublish'], program })).code).toBe(2)
  const fails = async () => {
    throw new Failure('CONTENT_NOT_FOUND', 'it was not published')
  }
  const failed = await commandLine({ argv, program: { unpublish: fails } })
  expect(failed).toMatchObject({ code: 1, stderr: 'ipfs-registry: it was not published\n' })
})

test.each([
  [[], 'home'],
  [['--root', 'team=website'], 'team'],
])('roots import %j', async (flags, root) => {
  const asked: unknown[] = []
  const { code, stdout } = await commandLine({
    argv: ['roots', 'import', '/ipfs/x', ...flags],
    program: {
      importRoot: async (_, wanted) => {
        asked.push(wanted)
        return { root, cid: 'bafyroot', version: 1, repositories: ['a', 'b'] }
      },
    },
  })
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: `the root ${root} is /ipfs/bafyroot now, with 2 repositories\n`,
  })
  expect(asked).toEqual([{ root, path: '/ipfs/x' }])
})

test('roots import starts one root, and roots takes no other argument', async () => {
  const argv = ['roots', 'import', '/ipfs/x', '--root', 'a', '--root', 'b']
  expect(await commandLine({ argv })).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('one --root'),
  })
  expect((await commandLine({ argv: ['roots', 'import'] })).code).toBe(2)
  expect((await commandLine({ argv: ['roots', 'show'] })).code).toBe(2)
})
