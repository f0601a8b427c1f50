import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { digestOfFile, makeImage } from './harness/images.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['helm', 'oras', 'skopeo', 'umoci'], 'what is no image', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let folder: string

  beforeAll(async () => {
    gateway = await Gateway.start(teardown, {
      sources: ['embedded'],
      flags: ['--push', '--upstream', 'none'],
    })
    folder = await tempFolder(teardown, 'artifacts')
  }, 60_000)
  afterAll(() => teardown.run(), 60_000)

  test('a chart is pushed and pulled by helm', async () => {
    const chart = join(folder, 'demo')
    await mkdir(join(chart, 'templates'), { recursive: true })
    await writeFile(join(chart, 'Chart.yaml'), 'apiVersion: v2\nname: demo\nversion: 1.2.3\n')
    await writeFile(
      join(chart, 'templates', 'map.yaml'),
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: demo }\n',
    )
    const env = { HOME: folder }
    await run('helm', ['package', chart, '--destination', folder], { env })
    const archive = join(folder, 'demo-1.2.3.tgz')
    await run('helm', ['push', archive, `oci://${gateway.host}/charts`, '--plain-http'], { env })
    const pulled = join(folder, 'pulled')
    await mkdir(pulled)
    const source = [`oci://${gateway.host}/charts/demo`, '--version', '1.2.3']
    await run('helm', ['pull', ...source, '--plain-http', '--destination', pulled], { env })
    expect(await digestOfFile(join(pulled, 'demo-1.2.3.tgz'))).toBe(await digestOfFile(archive))
  }, 60_000)

  test('what is attached to an image by oras is among its referrers, also by content', async () => {
    const layout = join(folder, 'image')
    await makeImage(layout, 'v1', { layers: [1000], seed: 'attached' })
    const image = `${gateway.host}/team/app:v1`
    await run('skopeo', [
      'copy',
      '--quiet',
      '--dest-tls-verify=false',
      `oci:${layout}:v1`,
      `docker://${image}`,
    ])
    await writeFile(join(folder, 'sbom.json'), '{"packages":[]}')
    const attached = ['--artifact-type', 'application/vnd.example.sbom', image, 'sbom.json']
    await run('oras', ['attach', '--plain-http', ...attached], { cwd: folder })

    const answer = await fetch(`${gateway.url}/v2/team/app/manifests/v1`, { method: 'HEAD' })
    const [, , cid] = (answer.headers.get('x-ipfs-path') ?? '').split('/')
    for (const name of ['team/app', `ipfs/${cid}`]) {
      const out = await run('oras', [
        'discover',
        '--plain-http',
        '--format',
        'json',
        `${gateway.host}/${name}:v1`,
      ])
      expect(JSON.stringify(JSON.parse(out))).toContain('application/vnd.example.sbom')
    }
  }, 60_000)
})
