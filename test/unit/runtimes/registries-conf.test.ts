import { describe, expect, test } from '@jest/globals'
import { parse } from 'smol-toml'
import { crio, podman } from '../../../src/runtimes/registries-conf.ts'
import { MemoryFiles } from '../../fixtures/memory-files.ts'
import { GHCR, HUB, mirror, setUp } from '../../fixtures/runtime-setup.ts'

const MAIN = '/etc/containers/registries.conf'
const FOLDER = '/etc/containers/registries.conf.d'
const OURS = `${FOLDER}/50-ipfs-registry.conf`
const HUB_MIRROR = { location: '127.0.0.1:5000/docker.io', insecure: true }

function registriesIn(text: string | undefined): { mirror: { location: string }[] }[] {
  return (parse((text ?? '').replace(/^\uFEFF/, '')) as { registry: { mirror: { location: string }[] }[] })
    .registry
}

describe('a file of its own', () => {
  test.each([
    ['podman', podman],
    ['CRI-O', crio],
  ])('for %s', async (_, runtime) => {
    const main = 'unqualified-search-registries = ["docker.io"]\n'
    const files = await setUp(runtime, { [MAIN]: main }, mirror(HUB, GHCR))
    expect(files[MAIN]).toBe(main)
    expect(registriesIn(files[OURS])).toEqual([
      { prefix: 'docker.io', location: 'docker.io', mirror: [HUB_MIRROR] },
      {
        prefix: 'ghcr.io',
        location: 'ghcr.io',
        mirror: [{ location: '127.0.0.1:5000/ghcr.io', insecure: true }],
      },
    ])
  })

  test('has no insecure mirror where that speaks HTTPS', async () => {
    const given = { ...mirror(), gateway: 'https://gw.example', isLocal: false }
    const files = await setUp(podman, {}, given)
    expect(registriesIn(files[OURS])[0]?.mirror).toEqual([{ location: 'gw.example/docker.io' }])
  })

  test('names a listener alone', async () => {
    const files = await setUp(podman, {}, mirror({ ...HUB, listener: 'http://127.0.0.1:5002' }))
    expect(registriesIn(files[OURS])[0]?.mirror).toEqual([{ location: '127.0.0.1:5002', insecure: true }])
  })

  test('keeps what others have put into it', async () => {
    const files = new MemoryFiles()
    files.apply(await podman.add(files, mirror()))
    files.texts.set(OURS, `${files.texts.get(OURS) ?? ''}[[registry]]\nlocation = "mine"\n`)
    files.apply(await podman.add(files, mirror(HUB, GHCR)))
    expect(registriesIn(files.texts.get(OURS))).toHaveLength(3)
    files.apply(await podman.remove(files))
    expect(Object.fromEntries(files.texts)).toEqual({ [OURS]: '[[registry]]\nlocation = "mine"\n' })
  })

  test('is taken back for a registry that is mirrored no longer', async () => {
    const files = new MemoryFiles({ [MAIN]: '[[registry]]\nlocation = "ghcr.io"\n' })
    const before = Object.fromEntries(files.texts)
    files.apply(await podman.add(files, mirror(HUB, GHCR)))
    files.apply(await podman.add(files, mirror(HUB)))
    expect(files.texts.get(MAIN)).toBe(before[MAIN])
    expect(registriesIn(files.texts.get(OURS))).toHaveLength(1)
  })
})

describe('a registry that has an entry already', () => {
  const entry = '# hub\n[[registry]]\nprefix = "docker.io" # all of it\nlocation = "docker.io"\n'
  const mirrors = '\n# near\n[[registry.mirror]]\nlocation = "near"\n\n[[registry]]\nlocation = "other"\n'

  test.each([
    entry,
    entry.trimEnd(),
    entry + mirrors,
    (entry + mirrors).replaceAll('\n', '\r\n'),
    `\uFEFF${entry}`,
    `[[registry]]\nlocation = "docker.io"\nblocked = false\n`,
    `[[registry]]\nlocation = "other"\n[[registry.mirror]]\nlocation = "x"\n${entry}`,
  ])('gets the mirror there: %j', async (text) => {
    const files = await setUp(podman, { [MAIN]: text })
    expect(files[OURS]).toBeUndefined()
    const hub = registriesIn(files[MAIN]).find((one) => JSON.stringify(one).includes('"docker.io"'))
    expect(hub?.mirror[0]).toEqual(HUB_MIRROR)
    expect(hub?.mirror).toHaveLength(text.includes('near') ? 2 : 1)
  })

  test('gets it where the last one is, which is the one that counts', async () => {
    const last = `${FOLDER}/90-mine.conf`
    const files = await setUp(podman, { [MAIN]: entry, [last]: entry, [`${FOLDER}/99.txt`]: '[' })
    expect(files[MAIN]).toBe(entry)
    expect(registriesIn(files[last])[0]?.mirror).toEqual([HUB_MIRROR])
  })

  test('and the mirror is left alone', async () => {
    const text = `${entry}[[registry.mirror]]\nlocation = "127.0.0.1:5000/docker.io"\n`
    expect(await setUp(podman, { [MAIN]: text })).toEqual({ [MAIN]: text })
  })
})

test.each([
  ['[[registry]\n', `${MAIN} line 1: is no TOML`],
  ['a = 1\nregistry = [{ location = "docker.io" }]\n', 'by hand: [[registry.mirror]]'],
])('%j is left alone', async (text, message) => {
  const add = podman.add(new MemoryFiles({ [MAIN]: text }), mirror())
  await expect(add).rejects.toMatchObject({ code: 'RUNTIME_UNCHANGED' })
  await expect(add).rejects.toThrow(message)
})

test('a registry that no name can begin with needs an alias', async () => {
  const port = { ...GHCR, name: 'registry.example:5000', prefix: undefined }
  await expect(podman.add(new MemoryFiles(), mirror(port))).rejects.toThrow(/alias=images/)
  const files = await setUp(podman, {}, mirror({ ...port, prefix: 'images' }))
  expect(registriesIn(files[OURS])[0]?.mirror[0]?.location).toBe('127.0.0.1:5000/images')
})
