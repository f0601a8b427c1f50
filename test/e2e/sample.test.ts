import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Docker } from './harness/docker.ts'
import { until } from './harness/child.ts'
import { Gateway } from './harness/gateway-process.ts'
import { Podman } from './harness/podman.ts'
import { Teardown } from './harness/teardown.ts'
import { describeWith } from './harness/tools.ts'

describeWith(['dockerd', 'docker', 'podman', 'runc', 'skopeo'], 'the sample image', () => {
  const teardown = new Teardown()
  let gateway: Gateway
  let docker: Docker
  beforeAll(async () => {
    ;[gateway, docker] = await Promise.all([
      Gateway.start(teardown, { flags: ['--sample'] }),
      Docker.start(teardown),
    ])
  }, 90_000)
  afterAll(() => teardown.run(), 60_000)

  /** The image name in the line that `serve --sample` prints. */
  async function printed(): Promise<string> {
    const line = /^\s*docker run --rm (\S+)\s*$/m
    await until('the line to run the sample', () => line.test(gateway.process.stdout()))
    return line.exec(gateway.process.stdout())?.[1] as string
  }

  test('is named by the printed line, under this gateway', async () => {
    expect(await printed()).toMatch(
      new RegExp(
        `^(localhost|127\\.0\\.0\\.1):${gateway.host.split(':')[1]}/ipfs/bafy[a-z2-7]+/hello:1\\.0$`,
      ),
    )
  })

  test('runs in Docker and prints a greeting', async () => {
    expect(await docker.runImage(await printed())).toMatch(/hello/i)
  }, 60_000)

  test('runs in Podman and prints a greeting', async () => {
    const podman = await Podman.start(teardown)
    const greeting = await podman.runImage(await printed(), '--tls-verify=false')
    expect(greeting).toMatch(/hello/i)
  }, 60_000)

  test('is for amd64 and arm64', async () => {
    const image = await printed()
    const answer = await fetch(
      `${gateway.url}/v2/${image.slice(image.indexOf('/') + 1).replace(':', '/manifests/')}`,
      { headers: { accept: 'application/vnd.oci.image.index.v1+json' } },
    )
    const index = (await answer.json()) as { manifests: { platform: { architecture: string } }[] }
    expect(index.manifests.map((entry) => entry.platform.architecture).sort()).toEqual(['amd64', 'arm64'])
  })
})
