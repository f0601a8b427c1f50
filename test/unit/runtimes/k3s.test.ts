import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { k3s } from '../../../src/runtimes/k3s.ts'
import { MemoryFiles } from '../../fixtures/memory-files.ts'
import { GATEWAY, GHCR, HUB, mirror, setUp } from '../../fixtures/runtime-setup.ts'

const CONFIG = '/etc/rancher/k3s/registries.yaml'

interface Registries {
  mirrors: Record<string, { endpoint: string[]; rewrite?: object }>
  configs?: object
}

async function configured(text: string, given = mirror()): Promise<Registries> {
  const files = await setUp(k3s, { [CONFIG]: text }, given)
  return parse((files[CONFIG] ?? '').replace(/^\uFEFF/, '')) as Registries
}

test('a file is made where there is none, in the order of the registries', async () => {
  const files = await setUp(k3s, {}, mirror(HUB, GHCR, { ...GHCR, name: 'registry.example:5000' }))
  const { mirrors } = parse(files[CONFIG] ?? '') as Registries
  expect(Object.entries(mirrors)).toEqual(
    ['docker.io', 'ghcr.io', 'registry.example:5000'].map((name) => [name, { endpoint: [GATEWAY] }]),
  )
})

test.each([
  '',
  '\n',
  '# nothing yet\n',
  '---\n# nothing yet\n',
  'configs:\n  a:\n    auth:\n      password: "x"   # secret\n',
  'configs: {}',
  'mirrors:\n',
  'mirrors: # none\nconfigs: {}\n',
  'mirrors: {}\n',
  'mirrors:\n  quay.io:\n    endpoint: [a]\n',
  'mirrors:\n    # theirs\n    "quay.io":\n        endpoint:\n        - a\n',
  'mirrors: { quay.io: { endpoint: [a] } }\n',
  'mirrors:\n  docker.io:\n',
  'mirrors:\n  docker.io:\nconfigs: {}',
  'mirrors:\n  docker.io: {}\n',
  'mirrors:\n  docker.io:\n    rewrite:\n      "^a": b\n',
  'mirrors:\n  docker.io:\n    endpoint:\n    rewrite:\n      "^a": b\n',
  'mirrors:\n  docker.io:\n    endpoint: []\n',
  '\uFEFFmirrors:\n  docker.io:\n    endpoint: []\n',
  '\uFEFFconfigs: {}\n',
])('the gateway is the only mirror of %j', async (text) => {
  const before = (parse(text.replace(/^\uFEFF/, '')) ?? {}) as Partial<Registries>
  const after = await configured(text)
  expect(after.mirrors['docker.io']?.endpoint).toEqual([GATEWAY])
  expect(after.configs).toEqual(before.configs)
  expect(after.mirrors['quay.io']).toEqual(before.mirrors?.['quay.io'])
  expect(after.mirrors['docker.io']?.rewrite).toEqual(before.mirrors?.['docker.io']?.rewrite)
})

test.each([
  'mirrors:\n  docker.io:\n    endpoint:\n      - "a" # first\n      - b\n',
  'mirrors:\n  docker.io:\n    endpoint:\n    - a\n    - b',
  'mirrors:\r\n  docker.io:\r\n    endpoint:\r\n    - a\r\n    - b\r\n',
  'mirrors:\n  docker.io:\n    endpoint: [ a, b ] # both\n',
  'mirrors:\n  docker.io:\n    endpoint: [\n      a,\n      b]\n',
  'mirrors: {docker.io: {endpoint: ["a", "b"]}}\n',
])('the gateway is the first mirror of %j', async (text) => {
  expect((await configured(text)).mirrors['docker.io']?.endpoint).toEqual([GATEWAY, 'a', 'b'])
})

test('a gateway that is there is left alone', async () => {
  const text = `mirrors:\n  docker.io:\n    endpoint: [a, "${GATEWAY}"]\n`
  expect(await setUp(k3s, { [CONFIG]: text })).toEqual({ [CONFIG]: text })
})

test('loses only what was added, when others have changed the file since', async () => {
  const files = new MemoryFiles({ [CONFIG]: 'mirrors:\n  docker.io:\n    endpoint: [a]\n' })
  files.apply(await k3s.add(files, mirror()))
  files.texts.set(CONFIG, `# mine\n${files.texts.get(CONFIG) ?? ''}configs: {}\n`)
  files.apply(await k3s.remove(files))
  expect(files.texts.get(CONFIG)).toBe('# mine\nmirrors:\n  docker.io:\n    endpoint: [a]\nconfigs: {}\n')
})

test('says that rewrites are for the gateway as well', async () => {
  const files = new MemoryFiles({ [CONFIG]: 'mirrors:\n  docker.io:\n    rewrite:\n      a: b\n' })
  expect((await k3s.add(files, mirror())).notes.join()).toContain('rewrites of docker.io')
})

test.each([
  ['mirrors:\n  docker.io\n    endpoint: x\n', `${CONFIG} line 2: is no YAML`],
  ['mirrors: {\n', 'is no YAML'],
  ['a: 1\na: 2\n', `${CONFIG} line 2: is no YAML`],
  ['- mirrors\n', 'is no mapping'],
  ['mirrors: all\n', '"mirrors" is not what k3s takes there'],
  ['mirrors:\n  docker.io: ~\n', '"docker.io" is not what k3s takes'],
  ['mirrors:\n  docker.io: &hub\n    endpoint: &e [a]\n  x:\n    endpoint: *e\n', 'by hand'],
  ['configs: {}\n...\n', 'by hand'],
])('%j is left alone', async (text, message) => {
  const add = k3s.add(new MemoryFiles({ [CONFIG]: text }), mirror())
  await expect(add).rejects.toMatchObject({ code: 'RUNTIME_UNCHANGED' })
  await expect(add).rejects.toThrow(message)
})
