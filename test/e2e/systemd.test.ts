import { chmod, chown, copyFile, mkdir, readFile, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { attempt, run } from './harness/child.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { makeImage } from './harness/images.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

const UNIT = join(repositoryFolder, 'deploy/systemd/ipfs-registry.service')

/** Of `systemd-analyze security`, from 0 to 10, in tenths: more exposed than this is no hardened unit. */
const MOST_EXPOSED = '15'

describeWith(['systemd-analyze', 'setpriv', 'skopeo', 'umoci'], 'the unit for systemd', () => {
  const teardown = new Teardown()
  let unit: string
  /** With the unit as it is installed, and the program where it looks for it. */
  let root: string

  beforeAll(async () => {
    unit = await readFile(UNIT, 'utf8')
    root = await tempFolder(teardown, 'systemd')
    const units = join(root, 'etc/systemd/system')
    await mkdir(join(units, 'ipfs-registry.service.d'), { recursive: true })
    await mkdir(join(root, 'usr/bin'), { recursive: true })
    await copyFile(UNIT, join(units, 'ipfs-registry.service'))
    await symlink('/bin/true', join(root, 'usr/bin/ipfs-registry'))
  })
  afterAll(() => teardown.run(), 60_000)

  /** Of the section Service. */
  function settings(name: string): string[] {
    return [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '')
  }

  test('says nothing that systemd does not understand', async () => {
    const { stderr } = await attempt('systemd-analyze', ['verify', '--man=no', UNIT])
    // That no program of this name is installed here is no fault of the unit.
    const said = stderr
      .split('\n')
      .filter((line) => line !== '' && !/is not executable|Unit .*\.service not found/.test(line))
    expect(said).toEqual([])
  }, 60_000)

  test('is hardened', async () => {
    const args = [
      'security',
      '--offline=yes',
      `--threshold=${MOST_EXPOSED}`,
      '--root',
      root,
      'ipfs-registry.service',
    ]
    const { code, stdout, stderr } = await attempt('systemd-analyze', args)
    expect({ code, stdout: code === 0 ? '' : stdout, stderr }).toEqual({ code: 0, stdout: '', stderr: '' })
  }, 60_000)

  test('has a user of its own, with a folder for its state', () => {
    expect(settings('User')).toEqual(['ipfs-registry'])
    expect(settings('StateDirectory')).toEqual(['ipfs-registry'])
    expect(settings('Environment')).toContain('IPFS_REGISTRY_STORE=%S/ipfs-registry')
  })

  test('what it runs serves an image as a user without rights, from that folder alone', async () => {
    const [command = ''] = settings('ExecStart')
    expect(command).toBe('ipfs-registry serve')
    const state = await tempFolder(teardown, 'state')
    await chown(state, 65534, 65534)
    await chmod(state, 0o700)
    const nobody = [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--no-new-privs',
      '--bounding-set=-all',
    ]
    const main = join(repositoryFolder, 'dist/main.js')
    const gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      store: join(state, 'store'),
      program: ['setpriv', ...nobody, process.execPath, main],
    })
    const layout = join(root, 'image')
    await makeImage(layout, '1', { layers: [20_000], seed: 'systemd' })
    await run('chmod', ['-R', 'a+rX', root])
    const repository = repositoryOf(await gateway.publish(layout))
    const raw = ['inspect', '--raw', '--tls-verify=false', `docker://${gateway.host}/${repository}:1`]
    expect(JSON.parse(await run('skopeo', raw))).toMatchObject({ schemaVersion: 2 })
  }, 60_000)
})
