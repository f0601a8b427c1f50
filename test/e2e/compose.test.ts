import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { alertRules } from '../fixtures/watching-files.ts'
import { run, until } from './harness/child.ts'
import { Composition } from './harness/compose.ts'
import { Docker } from './harness/docker.ts'
import { loadGatewayImage } from './harness/gateway-image.ts'
import { Prometheus } from './harness/prometheus.ts'
import { buildServiceImages } from './harness/service-images.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

/** ms for which nginx leaves out a gateway that has failed. */
const FAIL_TIMEOUT = 10_000
/** All but Grafana, which no package brings here. */
const SERVICES = ['nginx', 'prometheus']
const GATEWAY_ENV = join(repositoryFolder, 'deploy/compose/gateway.env')
const PROGRAMS = ['dockerd', 'docker', 'docker-compose', 'runc', 'ipfs', 'nginx', 'prometheus']

describeWith([...PROGRAMS, 'skopeo', 'base-image.tar'], 'the composition', () => {
  const teardown = new Teardown()
  let docker: Docker
  let composition: Composition
  let folder: string

  beforeAll(async () => {
    folder = await tempFolder(teardown, 'compose')
    docker = await Docker.start(teardown, { storageDriver: 'overlay2' })
    await loadGatewayImage(docker)
    await buildServiceImages(teardown, docker)
    // There is no network here in which docker.io could be asked.
    composition = await Composition.of(teardown, docker, await settings('IPFS_REGISTRY_UPSTREAM=none'))
  }, 720_000)
  afterAll(() => teardown.run(), 120_000)

  /** gateway.env, and a line more. */
  async function settings(line: string): Promise<string> {
    const file = join(folder, `${line}.env`)
    await writeFile(file, `${await readFile(GATEWAY_ENV, 'utf8')}\n${line}\n`)
    return file
  }

  /** An image of one small layer, in the daemon. */
  async function makeImage(tag: string): Promise<string> {
    const reference = `${composition.host}/team/app:${tag}`
    await mkdir(join(folder, tag))
    await writeFile(join(folder, tag, 'file'), tag)
    await run('tar', ['-cf', join(folder, `${tag}.tar`), '-C', join(folder, tag), '.'])
    await docker.docker(['import', join(folder, `${tag}.tar`), reference])
    return reference
  }

  async function pull(reference: string): Promise<void> {
    await docker.docker(['rmi', reference])
    await docker.docker(['pull', '--quiet', reference], { timeout: 60_000 })
  }

  test('docker-compose takes the whole file', async () => {
    const services = (await composition.run(['config', '--services'])).trim().split('\n')
    expect(services.sort()).toEqual(
      ['gateway-1', 'gateway-2', 'grafana', 'kubo', 'nginx', 'prometheus', 'settings'].sort(),
    )
  })

  test('a wrong setting ends the start at once, with its name', async () => {
    const env = { GATEWAY_SETTINGS: await settings('IPFS_REGISTRY_CACHE_SIZE=plenty') }
    const { code, stderr } = await composition.attempt(['up', '--detach', ...SERVICES], { env })
    expect(code).not.toBe(0)
    expect(stderr).toMatch(/gateway-1.*exited with code 2/)
    expect(await composition.run(['logs', 'settings'], { env })).toMatch(
      /IPFS_REGISTRY_CACHE_SIZE "plenty": must be a size/,
    )
    const running = await docker.docker(['ps', '--format', '{{.Names}}'])
    expect(running).not.toMatch(/gateway|nginx/)
  }, 120_000)

  test('comes up healthy; what is pushed to it is pulled from it', async () => {
    await composition.run(['up', '--detach', ...SERVICES])
    const running = await docker.docker(['ps', '--format', '{{.Names}} {{.Status}}'])
    expect(running.match(/^e2e_(gateway-[12]|kubo)_1 .*\(healthy\)$/gm)).toHaveLength(3)
    const reference = await makeImage('first')
    await docker.docker(['push', reference])
    await pull(reference)
    const raw = await run('skopeo', ['inspect', '--tls-verify=false', `docker://${reference}`])
    expect(JSON.parse(raw)).toMatchObject({ Name: `${composition.host}/team/app`, RepoTags: ['first'] })
  }, 180_000)

  test('Prometheus watches both gateways, by the rules', async () => {
    const format = ['--format', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}']
    const address = await docker.docker(['inspect', ...format, await composition.container('prometheus')])
    const prometheus = Prometheus.at(`http://${address.trim()}:9090`)
    const up = 'up{job="ipfs-registry"} == 1'
    await until('scrapes', async () => (await prometheus.query(up)).length === 2, { timeout: 60_000 })
    const instances = (await prometheus.query(up)).map(({ metric }) => metric['instance'])
    expect(instances.sort()).toEqual(['gateway-1:5010', 'gateway-2:5010'])
    const rules = await prometheus.rules()
    expect(rules).toHaveLength((await alertRules()).length)
    expect(rules.filter(({ health }) => health === 'err')).toEqual([])
  }, 90_000)

  test('gateways are replaced one after the other, and no pull fails', async () => {
    const reference = await makeImage('replaced')
    await docker.docker(['push', reference])
    let replaced = false
    const replacing = (async () => {
      for (const gateway of ['gateway-1', 'gateway-2']) {
        if (gateway === 'gateway-2') await delay(FAIL_TIMEOUT + 1000)
        await composition.run(['up', '--detach', '--no-deps', '--force-recreate', gateway])
        await composition.healthy(gateway)
      }
    })().finally(() => {
      replaced = true
    })
    let pulls = 0
    for (; !replaced; pulls += 1) await pull(reference)
    await replacing
    expect(pulls).toBeGreaterThan(4)
  }, 180_000)

  test('what was pushed is there again after `down` and `up`', async () => {
    const reference = await makeImage('kept')
    await docker.docker(['push', reference])
    await composition.run(['down'])
    expect(await docker.docker(['ps', '--all', '--quiet'])).toBe('')
    await composition.run(['up', '--detach', 'nginx'])
    await pull(reference)
    await composition.run(['down', '--volumes'])
    expect(await docker.docker(['volume', 'ls', '--quiet'])).toBe('')
  }, 180_000)
})
