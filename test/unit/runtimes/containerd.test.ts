import { describe, expect, test } from '@jest/globals'
import { parse } from 'smol-toml'
import { containerd } from '../../../src/runtimes/containerd.ts'
import { MemoryFiles } from '../../fixtures/memory-files.ts'
import { GATEWAY, GHCR, HUB, mirror, setUp } from '../../fixtures/runtime-setup.ts'

const CONFIG = '/etc/containerd/config.toml'
const HOSTS = '/etc/containerd/certs.d/docker.io/hosts.toml'
const V1 = 'io.containerd.grpc.v1.cri'
const V2 = 'io.containerd.cri.v1.images'

/** `config_path` after everything was set up beside this configuration. */
async function configPath(text: string): Promise<unknown> {
  const files = await setUp(containerd, { [CONFIG]: text })
  const { plugins } = parse((files[CONFIG] ?? '').replace(/^\uFEFF/, '')) as {
    plugins: Record<string, { registry: Record<string, unknown> }>
  }
  return (plugins[V1] ?? plugins[V2] ?? plugins['cri'])?.registry['config_path']
}

describe('config.toml', () => {
  test('is made where there is none, for containerd 1 and 2', async () => {
    const files = await setUp(containerd, {})
    expect(parse(files[CONFIG] ?? '')).toEqual({
      version: 2,
      plugins: { [V1]: { registry: { config_path: '/etc/containerd/certs.d' } } },
    })
  })

  test.each([
    ['version 2', `version = 2\n`],
    ['version 3', `version = 3 # new\n[plugins."${V2}"]\n  snapshotter = "overlayfs"\n`],
    ['no version', `oom_score = 1\n[plugins.cri]\n  sandbox_image = "pause"\n`],
    ['nothing in it', ``],
    ['no line feed at its end', `version = 2\n[debug]\nlevel = "info"`],
    ['CRLF', `version = 2\r\n[plugins."${V1}".registry]\r\n  config_path = ""\r\n# end\r\n`],
    ['a byte order mark', `\uFEFFversion = 2\n`],
    ['the section without it', `version = 2\n  [plugins."${V1}".registry]\n    # none\n[debug]\n`],
    ['an empty one', `version = 3\n[plugins.'${V2}'.registry]\n  config_path = '' # default\n[debug]\n`],
    [
      'a text that looks like it',
      `version = 2\nx = """\n[plugins."${V1}".registry]\n"""\n[plugins."${V1}".registry]\n`,
    ],
    [
      'two folders, one of them empty',
      `version = 3\n[plugins.'${V2}'.registry]\nconfig_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n`,
    ],
  ])('with %s', async (what, text) => {
    if (what === 'a text that looks like it') {
      await expect(containerd.add(new MemoryFiles({ [CONFIG]: text }), mirror())).rejects.toThrow(/by hand/)
    } else expect(await configPath(text)).toBe('/etc/containerd/certs.d')
  })

  test('that has a folder is left alone, and the folder used', async () => {
    const text = `version = 2\n[plugins."${V1}".registry]\nconfig_path = "/srv/hosts"\n`
    const files = await setUp(containerd, { [CONFIG]: text })
    expect(files[CONFIG]).toBe(text)
    expect(files['/srv/hosts/docker.io/hosts.toml']).toContain(GATEWAY)
  })

  test('with two folders in use is left alone, with a word about it', async () => {
    const text = `version = 3\n[plugins."${V2}".registry]\nconfig_path = "/a:/b"\n`
    const files = new MemoryFiles({ [CONFIG]: text, '/b/x/hosts.toml': '' })
    const plan = await containerd.add(files, mirror())
    expect(plan.changes.map(({ path }) => path)).toEqual(['/a/docker.io/hosts.toml'])
    expect(plan.notes.join()).toMatch(/leave only \/a/)
  })

  test('without Kubernetes needs no folder', async () => {
    const text = 'disabled_plugins = ["cri"]\n'
    const files = await setUp(containerd, { [CONFIG]: text })
    expect(files[CONFIG]).toBe(text)
    expect(files[HOSTS]).toContain(GATEWAY)
  })

  test('that imports files gets one from version 3 on', async () => {
    const text = `version = 3\nimports = ["/etc/containerd/conf.d/*.toml"]\n`
    const files = await setUp(containerd, { [CONFIG]: text })
    expect(files[CONFIG]).toBe(text)
    expect(parse(files['/etc/containerd/conf.d/50-ipfs-registry.toml'] ?? '')).toEqual({
      version: 3,
      plugins: { [V2]: { registry: { config_path: '/etc/containerd/certs.d' } } },
    })
  })

  test('is not needed where files are imported by default', async () => {
    const drop = '/etc/containerd/conf.d/90-mine.toml'
    const set = `version = 3\n[plugins."${V2}".registry]\nconfig_path = "/srv/hosts"\n`
    expect(await setUp(containerd, { [drop]: set })).toHaveProperty(['/srv/hosts/docker.io/hosts.toml'])
    const files = await setUp(containerd, { [drop]: 'version = 3\n' })
    expect(Object.keys(files)).toContain('/etc/containerd/conf.d/50-ipfs-registry.toml')
    expect(Object.keys(files)).not.toContain(CONFIG)
  })

  test.each([
    [`version = 2\n[plugins\n`, `${CONFIG} line 2: is no TOML`],
    [`version = 2\nversion = 3\n`, `${CONFIG} line 2: is no TOML`],
    [`version = "2"\n`, 'version is no number'],
    [`version = 2\n[plugins."${V1}".registry.mirrors."docker.io"]\nendpoint = []\n`, 'registry.mirrors'],
    [`version = 2\n[plugins."${V1}".registry.configs.x.tls]\nca_file = ""\n`, 'registry.configs.tls'],
    [`version = 2\n[plugins]\n"${V1}" = {}\n`, 'config_path = "/etc/containerd/certs.d"'],
    [`version = 2\n[plugins."${V1}"]\nregistry.config_path = ""\n`, 'by hand'],
    [`# >>> ipfs-registry configure\nversion = 2\n`, `${CONFIG} line 1: `],
    [`version = 2\n# <<< ipfs-registry configure\n`, `${CONFIG} line 2: `],
  ])('%j is left alone', async (text, message) => {
    const add = containerd.add(new MemoryFiles({ [CONFIG]: text }), mirror())
    await expect(add).rejects.toMatchObject({ code: 'RUNTIME_UNCHANGED' })
    await expect(add).rejects.toThrow(message)
  })

  test('loses only what was added, when others have changed it since', async () => {
    const files = new MemoryFiles({ [CONFIG]: `version = 2\n[plugins."${V1}".registry]\nconfig_path = ""\n` })
    files.apply(await containerd.add(files, mirror()))
    files.texts.set(CONFIG, `# mine\n${files.texts.get(CONFIG) ?? ''}[debug]\n`)
    files.apply(await containerd.remove(files))
    expect(Object.fromEntries(files.texts)).toEqual({
      [CONFIG]: `# mine\nversion = 2\n[plugins."${V1}".registry]\nconfig_path = ""\n[debug]\n`,
    })
  })
})

describe('hosts.toml', () => {
  const others = `server = "https://own"\n\n# theirs\n[host."https://theirs"]\n  capabilities = ["pull"]\n`

  test('of each registry', async () => {
    const files = await setUp(containerd, {}, mirror(HUB, { ...GHCR, name: 'registry.example:5000' }))
    expect(parse(files[HOSTS] ?? '')).toEqual({
      server: 'https://registry-1.docker.io',
      host: { [GATEWAY]: { capabilities: ['pull', 'resolve'], dial_timeout: '1s' } },
    })
    expect(files['/etc/containerd/certs.d/registry.example:5000/hosts.toml']).toContain(
      'registry.example:5000',
    )
  })

  test.each([others, others.replaceAll('\n', '\r\n'), 'server = "https://own"', '', others.trimEnd()])(
    'with what is in it: %j',
    async (text) => {
      const files = await setUp(containerd, { [HOSTS]: text })
      const hosts = (parse(files[HOSTS] ?? '') as { host: object }).host
      expect(Object.keys(hosts)[0]).toBe(GATEWAY)
      expect(Object.keys(hosts)).toHaveLength(text.includes('theirs') ? 2 : 1)
    },
  )

  test('that has the gateway already', async () => {
    const text = `[host."https://theirs"]\n[host."${GATEWAY}"]\n`
    expect((await setUp(containerd, { [HOSTS]: text }))[HOSTS]).toBe(text)
  })

  test.each([
    ['[host', `${HOSTS} line 1: is no TOML`],
    ['host = 1\n', '"host" is no table'],
    ['host = {}\n', 'by hand'],
  ])('%j is left alone', async (text, message) => {
    await expect(containerd.add(new MemoryFiles({ [HOSTS]: text }), mirror())).rejects.toThrow(message)
  })

  test('does not take the place of certificates', async () => {
    const files = new MemoryFiles({ '/etc/containerd/certs.d/docker.io/ca.crt': '' })
    await expect(containerd.add(files, mirror())).rejects.toThrow(/place of ca\.crt/)
  })

  test('of a registry that is mirrored no longer goes', async () => {
    const files = new MemoryFiles()
    files.apply(await containerd.add(files, mirror(HUB, GHCR)))
    files.apply(await containerd.add(files, mirror(HUB)))
    expect([...files.texts.keys()].sort()).toEqual([HOSTS, CONFIG])
  })

  test('says that it takes the place of mirrors for all registries', async () => {
    const files = new MemoryFiles({ '/etc/containerd/certs.d/_default/hosts.toml': '[host."https://m"]\n' })
    expect((await containerd.add(files, mirror())).notes.join()).toMatch(/_default/)
  })
})
