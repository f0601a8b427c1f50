import { afterAll, expect, test } from '@jest/globals'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parse } from 'yaml'
import { makeCertificate } from '../fixtures/certificate.ts'
import { dashboard, RULES } from '../fixtures/watching-files.ts'
import { attempt, launch, run, until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { CHART, helm, mountVolumes, objectOf, render } from './harness/helm.ts'
import type { KubernetesObject, Pod, Values } from './harness/helm.ts'
import { INSTALLATIONS, MISTAKES } from './harness/helm-values.ts'
import { descriptorOf, makeImage } from './harness/images.ts'
import { KuboNode } from './harness/kubo.ts'
import { freePorts } from './harness/ports.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

const MAIN = join(repositoryFolder, 'dist/main.js')
const NAMES = Object.keys(INSTALLATIONS)

const CREDENTIALS = 'alice:only-for-tests-5up3r'
const certificate = makeCertificate('registry.example.org')
const homeKey = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()

/** What the Secrets hold that the values name. */
const SECRETS = {
  users: { htpasswd: 'alice:$2y$05$ipfsregistrygatewayteey/ikM8t86XfHTd9/Xt6cprd4j6YPCn2\n' },
  tokens: { 'token-key': randomBytes(32).toString('hex') },
  names: { home: homeKey },
  certificate: { 'tls.crt': certificate.cert, 'tls.key': certificate.key },
  credentials: { ipfs: 'a-token', ghcr: 'a password' },
  authorities: { 'ca.crt': certificate.cert },
}

function podOf(objects: readonly KubernetesObject[]): Pod {
  const workload = objects.find(({ kind }) => kind === 'Deployment' || kind === 'DaemonSet')
  return workload?.spec.template.spec as Pod
}

describeWith(['helm'], 'the Helm chart', () => {
  const teardown = new Teardown()
  afterAll(() => teardown.run(), 60_000)

  test.each(NAMES)('%s: is what helm lint wants', async (name) => {
    const { code, stdout, stderr } = await helm('lint', INSTALLATIONS[name] as Values)
    expect({ code, said: code === 0 ? '' : stdout + stderr }).toEqual({ code: 0, said: '' })
    expect(stdout).not.toMatch(/\[(WARNING|ERROR)\]/)
  })

  test.each(MISTAKES)('%j is refused, and %s is named', async (values, named) => {
    const { code, stderr } = await helm('template', values)
    expect(code).not.toBe(0)
    expect(stderr).toContain(named)
  })

  test.each(NAMES)('%s: the program takes the settings file', async (name) => {
    const objects = await render(INSTALLATIONS[name] as Values)
    const folder = await tempFolder(teardown, 'pod')
    await mountVolumes(folder, objects, podOf(objects), SECRETS)
    const file = join(folder, 'etc/ipfs-registry/config.yaml')
    const { code, stdout, stderr } = await attempt('node', [MAIN, 'config', '--json', '--config', file])
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    const inForce = JSON.parse(stdout) as Record<string, { origin: { kind: string } }>
    const fromFile = Object.keys(inForce).filter((setting) => inForce[setting]?.origin.kind === 'file')
    expect(fromFile).toEqual(expect.arrayContaining(['listen', 'admin-listen', 'store', 'cache-size']))
  })

  test.each([
    ['30s', 45],
    ['1h30m', 5415],
    ['500ms', 16],
    ['1.5m', 105],
    ['0', 15],
  ])('a pod that may take %s to drain gets %d s to end', async (grace, seconds) => {
    const objects = await render({ config: { 'shutdown-grace': grace } })
    expect(podOf(objects)).toMatchObject({ terminationGracePeriodSeconds: seconds })
  })

  test('changed settings are new pods, changed files of theirs are not', async () => {
    const [first, settings, files] = await Promise.all(
      [{}, { config: { public: true } }, { files: { 'rules.yaml': '[]' } }].map(async (values) => {
        const { template } = objectOf(await render(values), 'Deployment').spec
        return template.metadata.annotations['checksum/settings'] as string
      }),
    )
    expect(settings).not.toBe(first)
    expect(files).toBe(first)
  })

  test('the ingress is as patient as deploy/nginx', async () => {
    const nginx = await readFile(join(repositoryFolder, 'deploy/nginx/ipfs-registry.conf'), 'utf8')
    const said = (directive: string): string[] =>
      [...nginx.matchAll(new RegExp(`^ *proxy_${directive} +(.*?)s?;$`, 'gm'))].map(([, text = '']) => text)
    const objects = await render(INSTALLATIONS['with a Kubo that is pushed to'] as Values)
    const annotation = (suffix: string, name: string): string | undefined =>
      objectOf(objects, 'Ingress', suffix).metadata.annotations?.[`nginx.ingress.kubernetes.io/proxy-${name}`]
    const [reading, uploading] = said('read_timeout')
    expect(annotation('', 'read-timeout')).toBe(reading)
    expect(annotation('-uploads', 'read-timeout')).toBe(uploading)
    for (const name of [
      'connect-timeout',
      'next-upstream',
      'next-upstream-timeout',
      'buffering',
      'request-buffering',
    ]) {
      expect([name, annotation('', name)]).toEqual([
        name,
        said(name.replaceAll('-', '_')).at(0)?.replace(/ 5..*/, ''),
      ])
    }
  })

  test('rules and dashboard are those of deploy/', async () => {
    const objects = await render(INSTALLATIONS['with everything on'] as Values)
    expect(objectOf(objects, 'PrometheusRule').spec).toEqual(parse(await readFile(RULES, 'utf8')))
    const { data } = objectOf(objects, 'ConfigMap', '-dashboard')
    expect(JSON.parse(data?.['ipfs-registry.json'] ?? '')).toEqual(await dashboard())
  })

  test('it is installed from a gateway as from its folder', async () => {
    const gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: ['--push', '--upstream', 'none'],
    })
    const folder = await tempFolder(teardown, 'package')
    const env = { HOME: folder }
    await run('helm', ['package', CHART, '--destination', folder], { env })
    const [archive = ''] = (await readdir(folder)).filter((name) => name.endsWith('.tgz'))
    await run('helm', ['push', join(folder, archive), `oci://${gateway.host}/charts`, '--plain-http'], {
      env,
    })
    const chart = `oci://${gateway.host}/charts/ipfs-registry-gateway`
    const rendered = ['template', 'registry', '--namespace', 'images', '--kube-version', '1.36.0']
    expect(await run('helm', [...rendered, chart, '--plain-http'], { env })).toBe(
      await run('helm', [...rendered, CHART], { env }),
    )
  }, 60_000)

  describeWith(['skopeo', 'umoci', 'ipfs'], 'what its pods run', () => {
    test('Kubo starts with the keys of roots, and is ready', async () => {
      const objects = await render(INSTALLATIONS['with a Kubo that is pushed to'] as Values)
      const [container] = objectOf(objects, 'StatefulSet', '-kubo').spec.template.spec.containers
      const env = Object.fromEntries(
        (container.env as { name: string; value: string }[]).map(({ name, value }) => [name, value]),
      )
      const profiled = { IPFS_PATH: await tempFolder(teardown, 'profile') }
      await run('ipfs', ['init', `--profile=${env['IPFS_PROFILE']}`], { env: profiled })

      const node = await KuboNode.start(teardown)
      await node.down()
      const script = objectOf(objects, 'ConfigMap', '-kubo').data?.['start.sh'] ?? ''
      const folder = await tempFolder(teardown, 'keys')
      await writeFile(join(folder, 'home'), homeKey)
      const start = (): Promise<string> =>
        run('sh', ['-c', script.replaceAll('/run/secrets/ipns-keys', folder)], {
          env: { ...env, IPFS_PATH: node.repo, PATH: toolsFirst() },
        })
      await start()
      await start()
      expect((await node.ipfs(['config', 'Datastore.StorageMax'])).trim()).toBe('80GB')
      expect(await node.ipfs(['key', 'list', '-l'])).toMatch(/^k51\S+ +ipfs-registry-home *$/m)
      await node.up()
      const { path } = container.readinessProbe.httpGet as { path: string }
      expect((await fetch(node.gateway + path)).status).toBe(200)
    }, 60_000)

    test('the gateway is pushed to and pulled from, with the secrets mounted as a kubelet does', async () => {
      const [listen, admin] = await freePorts(2)
      const installed = INSTALLATIONS['with a store that is pushed to'] as Values & { config: Values }
      const config = { ...installed.config, listen: `0.0.0.0:${listen}`, 'admin-listen': `0.0.0.0:${admin}` }
      const objects = await render({ ...installed, config })
      const pod = podOf(objects)
      const [container] = pod.containers
      const folder = await tempFolder(teardown, 'pod')
      const inside = await mountVolumes(folder, objects, pod, SECRETS)
      const env: Record<string, string> = { ...(await environmentOfImage()), HOME: folder }
      for (const { name, value } of container.env) env[name] = inside(value)
      const gateway = launch('node', [MAIN, ...container.args], { env })
      teardown.defer(() => gateway.stop())
      const { path } = (container as unknown as { readinessProbe: { httpGet: { path: string } } })
        .readinessProbe.httpGet
      const probe = async (): Promise<boolean> =>
        (await fetch(`http://127.0.0.1:${admin}${path}`).catch(() => undefined))?.status === 200
      await until('readiness', probe, { process: gateway })

      const layout = join(folder, 'image')
      await makeImage(layout, '1', { layers: [100_000], seed: 'helm' })
      const name = `docker://127.0.0.1:${listen}/team/app:1`
      const pushed = ['copy', '--quiet', '--dest-tls-verify=false', '--dest-creds', CREDENTIALS]
      await run('skopeo', [...pushed, `oci:${layout}:1`, name])
      const pulled = ['copy', '--quiet', '--src-tls-verify=false', '--src-creds', CREDENTIALS]
      await run('skopeo', [...pulled, name, `oci:${join(folder, 'pulled')}:1`])
      expect((await descriptorOf(join(folder, 'pulled'), '1')).digest).toBe(
        (await descriptorOf(layout, '1')).digest,
      )
      const anonymous = await attempt('skopeo', ['inspect', '--tls-verify=false', name])
      expect(anonymous.stderr).toContain('may not be pulled by everybody')
      const status = await (await fetch(`http://127.0.0.1:${admin}/status.json`)).text()
      expect(status).toContain(await nameOf(homeKey, teardown))
      gateway.kill('SIGTERM')
      expect(await gateway.exited).toEqual({ code: 0, signal: null })
    }, 60_000)
  })
})

/** The environment that deploy/Dockerfile gives the program. */
async function environmentOfImage(): Promise<Record<string, string>> {
  const text = await readFile(join(repositoryFolder, 'deploy/Dockerfile'), 'utf8')
  const lines = /^ENV ((?:.*\\\n)*.*)$/m.exec(text)?.[1] ?? ''
  const pairs = [...lines.matchAll(/(\w+)=(\S+)/g)].map(([, name = '', value = '']) => [name, value])
  expect(pairs.length).toBeGreaterThan(2)
  return Object.fromEntries(pairs) as Record<string, string>
}

/** The IPNS name of a key, as Kubo has it. */
async function nameOf(pem: string, teardown: Teardown): Promise<string> {
  const node = await KuboNode.repo(teardown)
  const file = join(await tempFolder(teardown, 'key'), 'key.pem')
  await writeFile(file, pem)
  return (await node.ipfs(['key', 'import', '--format=pem-pkcs8-cleartext', 'any', file])).trim()
}

/** For a script that runs the programs of the bench by their names. */
function toolsFirst(): string {
  return `${join(repositoryFolder, '.cache/tools/bin')}:${process.env['PATH'] ?? ''}`
}
