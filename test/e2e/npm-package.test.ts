import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './harness/child.ts'
import { skopeo } from './harness/clients.ts'
import { Gateway, repositoryOf } from './harness/gateway-process.ts'
import { descriptorOf, makeImage } from './harness/images.ts'
import { Teardown } from './harness/teardown.ts'
import { tempFolder } from './harness/temp.ts'
import { describeWith, repositoryFolder } from './harness/tools.ts'

interface Packed {
  readonly filename: string
  readonly files: readonly { readonly path: string }[]
}

describeWith(['npm', 'skopeo', 'umoci'], 'the npm package', () => {
  const teardown = new Teardown()
  let packed: Packed
  /** A project of somebody else, which has installed it. */
  let project: string

  beforeAll(async () => {
    const folder = await tempFolder(teardown, 'packed')
    // What is built is built already.
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder]
    packed = (JSON.parse(await run('npm', args, { cwd: repositoryFolder })) as [Packed])[0]
    project = await tempFolder(teardown, 'project')
    await writeFile(join(project, 'package.json'), '{"private":true}')
    const file = join(folder, packed.filename)
    await run('npm', ['install', '--no-audit', '--no-fund', file], { cwd: project, timeout: 240_000 })
  }, 300_000)
  afterAll(() => teardown.run(), 60_000)

  test('has what runs, with its types, and nothing else', () => {
    const paths = packed.files.map(({ path }) => path)
    const strange = paths.filter(
      (path) => !/^(dist\/.+\.(js|mjs|d\.m?ts)|package\.json|README\.md|LICENSE|CHANGELOG\.md)$/.test(path),
    )
    expect(strange).toEqual([])
    expect(paths).toEqual(expect.arrayContaining(['dist/main.js', 'dist/main.d.ts', 'README.md', 'LICENSE']))
  })

  test('runs no script when it is installed', async () => {
    const text = await readFile(join(project, 'node_modules/ipfs-registry-gateway/package.json'), 'utf8')
    const { scripts } = JSON.parse(text) as { scripts: Record<string, string> }
    expect(Object.keys(scripts).filter((name) => /install|^prepare$/.test(name))).toEqual([])
  })

  test.each(['ipfs-registry', 'ipfs-registry-gateway'])(
    'is run as %s',
    async (name) => {
      const { version } = JSON.parse(await readFile(join(repositoryFolder, 'package.json'), 'utf8')) as {
        version: string
      }
      expect(await run('npx', ['--no-install', name, '--version'], { cwd: project })).toBe(`${version}\n`)
    },
    60_000,
  )

  test('serves an image', async () => {
    const program = [join(project, 'node_modules/.bin/ipfs-registry')] as const
    const gateway = await Gateway.start(teardown, { sources: ['embedded'], program })
    const layout = join(project, 'image')
    await makeImage(layout, '1', { layers: [50_000], seed: 'npm' })
    const repository = repositoryOf(await gateway.publish(layout))
    const pull = await skopeo.start(teardown)
    const { digest } = await descriptorOf(layout, '1')
    const pulled = await pull({ reference: `${gateway.host}/${repository}:1`, everyPlatform: false })
    expect(pulled.digests).toContain(digest)
  }, 90_000)
})
