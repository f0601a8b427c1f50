import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { attempt, run, until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { Docker } from './harness/docker.ts'
import { BASE_IMAGE, GATEWAY_IMAGE, loadGatewayImage } from './harness/gateway-image.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { descriptorOf, digestOfFile, makeImage, objectsOf } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { inTurn, startNginx } from './harness/nginx.ts'
import { freePorts } from './harness/ports.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

const MB = 1_000_000
/** ms for which nginx leaves out a replica that has failed; it counts in whole seconds. */
const FAIL_TIMEOUT = 1000

interface Inspected {
  readonly Size: number
  readonly Config: {
    readonly User: string
    readonly Entrypoint: readonly string[]
    readonly StopSignal: string
    readonly Healthcheck: unknown
  }
}

/** A container that runs the gateway on the loopback of this machine. */
interface Replica {
  readonly name: string
  readonly host: string
  state(): Promise<{ Health: { Status: string }; ExitCode: number; Running: boolean }>
  healthy(): Promise<void>
}

describeWith(
  ['dockerd', 'docker', 'runc', 'skopeo', 'curl', 'umoci', 'ipfs', 'nginx', 'base-image.tar'],
  'the container image',
  () => {
    const teardown = new Teardown()
    let docker: Docker
    let folder: string

    beforeAll(async () => {
      folder = await tempFolder(teardown, 'container-image')
      docker = await Docker.start(teardown, { storageDriver: 'overlay2' })
      teardown.defer(async () => {
        const left = (await docker.docker(['ps', '--all', '--quiet'])).split('\n').filter(Boolean)
        if (left.length > 0) await docker.docker(['rm', '--force', ...left])
      })
      await loadGatewayImage(docker)
    }, 720_000)
    afterAll(() => teardown.run(), 120_000)

    async function inspect(image: string): Promise<Inspected> {
      return (JSON.parse(await docker.docker(['inspect', image])) as [Inspected])[0]
    }

    async function start(
      name: string,
      flags: readonly string[],
      options: readonly string[] = [],
    ): Promise<Replica> {
      const [port = 0, admin = 0] = await freePorts(2)
      await docker.docker([
        ...['run', '--detach', '--name', name, '--network', 'host', '--read-only', '--cap-drop', 'ALL'],
        ...['--security-opt', 'no-new-privileges', '--health-interval', '1s', ...options],
        ...['--env', `IPFS_REGISTRY_LISTEN=127.0.0.1:${port}`],
        ...['--env', `IPFS_REGISTRY_ADMIN_LISTEN=127.0.0.1:${admin}`],
        ...[GATEWAY_IMAGE, 'serve', '--upstream', 'none', ...flags],
      ])
      const state: Replica['state'] = async () =>
        JSON.parse(await docker.docker(['inspect', '--format', '{{json .State}}', name])) as Awaited<
          ReturnType<Replica['state']>
        >
      const healthy = async (): Promise<void> =>
        until(`${name} to be healthy`, async () => (await state()).Health.Status === 'healthy', {
          timeout: 120_000,
        })
      return { name, host: `127.0.0.1:${port}`, state, healthy }
    }

    test('is small, of nobody, and says how to stop it and to look after it', async () => {
      const [{ Size, Config }, base] = await Promise.all([inspect(GATEWAY_IMAGE), inspect(BASE_IMAGE)])
      expect(Size - base.Size).toBeLessThan(70 * MB)
      expect(Config).toMatchObject({
        User: '10001:10001',
        StopSignal: 'SIGTERM',
        Entrypoint: ['ipfs-registry'],
      })
      expect(Config.Healthcheck).toMatchObject({ Test: ['CMD', 'ipfs-registry', 'health'] })
    })

    test('serves from a volume on a read-only file system, and again after a restart', async () => {
      const replica = await start(
        'once',
        ['--sample', '--source', 'embedded'],
        ['--volume', 'store:/var/lib/ipfs-registry'],
      )
      await replica.healthy()
      const line = /docker run --rm \S+?\/(\S+)/.exec(await docker.docker(['logs', 'once']))?.[1] ?? ''
      const pull = (): Promise<string> =>
        run('skopeo', ['inspect', '--tls-verify=false', '--raw', `docker://${replica.host}/${line}`])
      const first = await pull()
      expect(JSON.parse(first)).toMatchObject({ schemaVersion: 2 })
      await docker.docker(['stop', 'once'])
      expect(await replica.state()).toMatchObject({ ExitCode: 0 })
      await docker.docker(['start', 'once'])
      await replica.healthy()
      expect(await pull()).toBe(first)
      await docker.docker(['rm', '--force', 'once'])
    }, 180_000)

    test.each([
      ['a wrong value', ['--cache-size', 'plenty'], [], /--cache-size "plenty"/, 2],
      [
        'a store that may not be written',
        [],
        ['--tmpfs', '/var/lib/ipfs-registry:ro'],
        /\/var\/lib\/ipfs-registry/,
        1,
      ],
    ])(
      '%s ends it at once, with what to do',
      async (_, flags, options, message, code) => {
        const args = [
          'run',
          '--rm',
          '--network',
          'host',
          '--read-only',
          ...options,
          GATEWAY_IMAGE,
          'serve',
          ...flags,
        ]
        const got = await docker.attempt(args)
        expect(got.code).toBe(code)
        expect(got.stderr).toMatch(message)
        expect(got.stderr.trim().split('\n').length).toBeLessThan(4)
      },
      60_000,
    )

    test('stopped in the middle of a pull, it ends that first', async () => {
      const layout = join(folder, 'large')
      await makeImage(layout, '1', { layers: [6 * MB], seed: 'large' })
      const origin = await Gateway.start(teardown, { sources: ['embedded'] })
      const repository = repositoryOf(await origin.publish(layout))
      const replica = await start('draining', ['--source', `gateway=${origin.url}`, '--store', 'memory'])
      await replica.healthy()
      const { layers } = JSON.parse(
        await run('skopeo', [
          'inspect',
          '--tls-verify=false',
          '--raw',
          `docker://${replica.host}/${repository}:1`,
        ]),
      ) as { layers: { digest: string }[] }
      const digest = layers[0]?.digest ?? ''
      const file = join(folder, 'pulled')
      const url = `http://${replica.host}/v2/${repository}/blobs/${digest}`
      const pulling = run('curl', ['--silent', '--fail', '--limit-rate', '1500k', '--output', file, url])
      await until('the pull to be under way', async () => (await sizeOf(file)) > 0)
      await docker.docker(['stop', '--time', '40', 'draining'])
      expect(await replica.state()).toMatchObject({ ExitCode: 0 })
      await pulling
      expect(await digestOfFile(file)).toBe(digest)
      await docker.docker(['rm', 'draining'])
    }, 120_000)

    test('publishes itself, and is pulled and run from there', async () => {
      const gateway = await Gateway.start(teardown, { sources: ['embedded'] })
      const archive = join(folder, 'image.tar')
      await docker.docker(['save', '--output', archive, GATEWAY_IMAGE])
      const published = await gateway.publish(archive, '--name', 'ipfs-registry-gateway')
      const reference = `${gateway.host}/${repositoryOf(published)}:e2e`
      await docker.docker(['pull', '--quiet', reference], { timeout: 180_000 })
      const { version } = JSON.parse(await run('cat', [join(repositoryFolder, 'package.json')])) as {
        version: string
      }
      expect(await docker.docker(['run', '--rm', '--network', 'none', reference, '--version'])).toBe(
        `${version}\n`,
      )
      await docker.docker(['rmi', reference])
    }, 300_000)

    describe('two replicas behind nginx over one Kubo', () => {
      let kubo: KuboNode
      beforeAll(async () => {
        kubo = await KuboNode.start(teardown)
      }, 60_000)

      test('in turn, lose no pull while they are killed, drained and started again', async () => {
        const layout = join(folder, 'rolled')
        await makeImage(layout, '1', { layers: [300_000, 2 * MB], seed: 'rolled' })
        const root = await kubo.add(layout)
        const flags = ['--source', `kubo=${kubo.api}`, '--store', 'memory']
        const replicas = await Promise.all([start('left', flags), start('right', flags)])
        for (const replica of replicas) await replica.healthy()
        const host = await startNginx(
          teardown,
          replicas.map((replica) => replica.host),
          (configuration) => inTurn(configuration).replaceAll('fail_timeout=10s', 'fail_timeout=1s'),
        )
        const { digest } = await descriptorOf(layout, '1')
        const reference = `${host}/ipfs/${root}:1`
        let rolled = false
        const roll = async (): Promise<void> => {
          for (const how of ['stop', 'kill', 'stop', 'kill'] as const) {
            for (const replica of replicas) {
              await docker.docker([how, replica.name])
              await docker.docker(['start', replica.name])
              await replica.healthy()
              // Until then nginx leaves it out, as it has failed, and could ask nobody if the other one went.
              await delay(2 * FAIL_TIMEOUT)
            }
          }
        }
        const rolling = roll().finally(() => {
          rolled = true
        })
        let pulls = 0
        while (!rolled) {
          const said = await docker.docker(['pull', reference], { timeout: 60_000 })
          expect(said).toContain(digest)
          await docker.docker(['rmi', reference])
          pulls += 1
        }
        await rolling
        expect(pulls).toBeGreaterThan(8)
        await docker.docker(['rm', '--force', 'left', 'right'])
      }, 600_000)

      test('by the hash, fetch a cold image once, however many want it at once', async () => {
        const layout = join(folder, 'cold')
        await makeImage(layout, '1', { layers: [3 * MB, 2 * MB, MB], seed: 'cold' })
        const root = await kubo.add(layout)
        const origin = await CountingProxy.start(teardown, kubo.gateway)
        const flags = ['--source', `gateway=${origin.url}`]
        const replicas = await Promise.all([start('one', flags), start('two', flags)])
        for (const replica of replicas) await replica.healthy()
        const host = await startNginx(
          teardown,
          replicas.map((replica) => replica.host),
        )
        origin.reset()
        const reference = `${host}/ipfs/${root}:1`
        const copies = Array.from({ length: 5 }, (_, i) =>
          run('skopeo', [
            ...['copy', '--quiet', '--src-tls-verify=false', `docker://${reference}`],
            `dir:${join(folder, `cold-${i}`)}`,
          ]),
        )
        await Promise.all([...copies, docker.docker(['pull', reference])])
        const { digest, size } = await descriptorOf(layout, '1')
        const objects = await objectsOf(layout, digest, size)
        expect(objects).toHaveLength(5)
        for (const { digest: wanted } of objects) {
          const path = `/blobs/${wanted.replace(':', '/')}?`
          expect(origin.requests.filter(({ url }) => url.includes(path))).toHaveLength(1)
        }
        const bytes = objects.reduce((sum, object) => sum + object.size, 0)
        expect(origin.bytes / bytes).toBeLessThan(1.05)
        await docker.docker(['rm', '--force', '--volumes', 'one', 'two'])
      }, 120_000)
    })
  },
)

async function sizeOf(file: string): Promise<number> {
  const { code, stdout } = await attempt('stat', ['--format', '%s', file])
  return code === 0 ? Number(stdout) : 0
}
