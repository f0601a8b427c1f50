import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { commandLine } from '../../fixtures/command-line.ts'
import type { Ran } from '../../fixtures/command-line.ts'

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'configure-'))
})
afterEach(() => rm(root, { recursive: true, force: true }))

function configure(...argv: readonly string[]): Promise<Ran> {
  return commandLine({ argv: ['configure', ...argv, '--system-root', root] })
}

async function put(path: string, text: string): Promise<string> {
  const full = join(root, path)
  await mkdir(join(full, '..'), { recursive: true })
  await writeFile(full, text)
  return full
}

/** The gateway's address in what would be written. */
async function hostIn(...flags: readonly string[]): Promise<string | undefined> {
  const { stdout } = await configure('containerd', ...flags)
  return /^\[host\."(.*)"\]$/m.exec(stdout)?.[1]
}

describe('configure', () => {
  test('shows what is needed, and changes nothing', async () => {
    const config = await put('etc/docker/daemon.json', '{\n  "debug": true\n}\n')
    const { code, stdout, stderr } = await configure('docker')
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(stdout).toBe(
      `## ${config}: would be changed\n@ line 2\n+   "registry-mirrors": ["http://127.0.0.1:5000"],\n\n` +
        'then: systemctl reload docker\nnothing was changed; --write does it\n',
    )
    expect(await readFile(config, 'utf8')).toBe('{\n  "debug": true\n}\n')
  })

  test('shows a new file as it would be', async () => {
    const { stdout } = await configure('k3s')
    expect(stdout).toContain('\nmirrors:\n  docker.io:\n    endpoint:\n      - http://127.0.0.1:5000\n')
  })

  test('shows nothing of a file that does not change', async () => {
    await put(
      'etc/rancher/k3s/registries.yaml',
      'configs:\n  a:\n    auth:\n      password: hush\nmirrors:\n  x:\n',
    )
    const { stdout } = await configure('k3s')
    expect(stdout).toContain('docker.io')
    expect(stdout).not.toContain('hush')
  })

  test('writes, keeps what was there, and takes it away again', async () => {
    const config = await put('etc/docker/daemon.json', '{}')
    const { stdout } = await configure('docker', '--write')
    expect(stdout).toMatch(/daemon\.json: changed; as it was: .*before-ipfs-registry$/m)
    expect(stdout).toMatch(/^then: systemctl reload docker$/m)
    expect((await configure('docker', '--write')).stdout).toMatch(/daemon\.json: is right already/)

    expect((await configure('docker', '--remove', '--dry-run')).stdout).toMatch(/without --dry-run does it/)
    await configure('docker', '--remove')
    expect(await readFile(config, 'utf8')).toBe('{}')
    expect((await configure('docker', '--remove')).stdout).toBe('nothing of this gateway is there\n')
  })

  test('as JSON', async () => {
    const path = join(root, 'etc/rancher/k3s/registries.yaml')
    const { stdout } = await configure('k3s', '--json', '--write')
    expect(JSON.parse(stdout)).toMatchObject({
      written: true,
      files: [{ path, change: 'create', text: await readFile(path, 'utf8') }],
      reload: 'systemctl restart k3s',
    })
    expect(JSON.parse((await configure('k3s', '--json')).stdout)).toMatchObject({
      written: false,
      files: [{ path, change: 'none' }],
    })
  })

  test('takes the address from the settings', async () => {
    expect(await hostIn()).toBe('http://127.0.0.1:5000')
    expect(await hostIn('--listen', '0.0.0.0:80')).toBe('http://127.0.0.1:80')
    expect(await hostIn('--listen', '[::]:80')).toBe('http://[::1]:80')
    expect(await hostIn('--listen', '10.0.0.1:80', '--tls-cert', 'c', '--tls-key', 'k')).toBe(
      'https://10.0.0.1:80',
    )
    expect(await hostIn('--gateway', 'https://gw.example/')).toBe('https://gw.example')
    const mirrored = await configure('docker', '--mirror', '127.0.0.1:5002=docker.io')
    expect(mirrored.stdout).toContain('"http://127.0.0.1:5002"')
  })

  test('is for the upstreams of the settings', async () => {
    const upstreams = ['ghcr.io', 'word=https://a.example', 'registry.example:5000;alias=images']
    const flags = upstreams.flatMap((one) => ['--upstream', one])
    const { stdout } = await configure('podman', ...flags)
    expect([...stdout.matchAll(/^location = "(.*)"$/gm)].map(([, location]) => location)).toEqual([
      'ghcr.io',
      '127.0.0.1:5000/ghcr.io',
      'registry.example:5000',
      '127.0.0.1:5000/images',
    ])
  })

  test('changes nothing when one of the files is broken', async () => {
    const config = await put('etc/containerd/config.toml', 'version = 2\n[plugins\n')
    const { code, stdout, stderr } = await configure('containerd', '--write')
    expect(code).toBe(1)
    expect(stdout).toBe('')
    expect(stderr).toMatch(
      new RegExp(
        `^ipfs-registry: ${config.replace(root, '.*')} line 2: is no TOML: .*nothing was changed$`,
        'm',
      ),
    )
    await expect(readFile(join(root, 'etc/containerd/certs.d/docker.io/hosts.toml'))).rejects.toThrow(
      'ENOENT',
    )
  })

  test.each([
    [['vagrant'], /Allowed choices are docker, containerd, podman, crio, k3s/],
    [['docker', '--write', '--remove'], /choose one/],
    [['docker', '--gateway', 'gw:5000'], /--gateway must be an address/],
    [['docker', '--gateway', 'https://gw.example/path'], /--gateway must be an address/],
    [['docker', '--gateway', 'https://a:b@gw.example'], /--gateway must be an address/],
    [['docker', '--upstream', 'none'], /nothing to mirror/],
    [['docker', '--listen', ':0'], /--gateway/],
  ])('%j is wrong use', async (argv, message) => {
    const { code, stderr } = await configure(...argv)
    expect(code).toBe(2)
    expect(stderr).toMatch(message)
  })
})
