import { copyFile, mkdir, realpath, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { attempt } from './child.ts'
import type { Docker } from './docker.ts'
import { BASE_IMAGE } from './gateway-image.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'
import { toolPath } from './tools.ts'

const PROGRAMS = ['ipfs', 'nginx', 'prometheus']

const DOCKERFILE = `FROM ${BASE_IMAGE}
COPY . /usr/local/
ENV LD_LIBRARY_PATH=/usr/local/lib
RUN install -d -o 1000 -g 100 /data/ipfs && install -d -o 65534 -g 65534 /prometheus
`
/** What the official images do at their start, and whose their folders are. */
const SERVICES = {
  kubo: `ENV IPFS_PATH=/data/ipfs
VOLUME /data/ipfs
ENTRYPOINT ["start-ipfs"]
CMD ["daemon", "--migrate=true"]
`,
  nginx: '',
  prometheus: `VOLUME /prometheus
ENTRYPOINT ["prometheus"]
`,
}
/** As the official image's start, but for a node that has no network to learn its configuration from. */
const START_IPFS = `#!/bin/sh
set -e
if [ ! -e "$IPFS_PATH/config" ]; then
  ipfs init \${IPFS_PROFILE:+"--profile=$IPFS_PROFILE"}
  ipfs config --json AutoConf.Enabled false
  ipfs config --json Bootstrap '[]'
  ipfs config Addresses.API /ip4/0.0.0.0/tcp/5001
  ipfs config Addresses.Gateway /ip4/0.0.0.0/tcp/8080
fi
exec ipfs "$@"
`

/**
 * Images that stand for the official ones, made of this machine's programs and {@link BASE_IMAGE}, which the daemon has to
 * have: `kubo:e2e`, `nginx:e2e` and `prometheus:e2e`.
 */
export async function buildServiceImages(teardown: Teardown, docker: Docker): Promise<void> {
  const folder = await tempFolder(teardown, 'services')
  await mkdir(join(folder, 'bin'))
  await mkdir(join(folder, 'lib'))
  for (const program of PROGRAMS) {
    const path = await realpath(toolPath(program) ?? program)
    await copyFile(path, join(folder, 'bin', program))
    for (const library of await librariesOf(path)) {
      await copyFile(library, join(folder, 'lib', basename(library)))
    }
  }
  await writeFile(join(folder, 'bin/start-ipfs'), START_IPFS, { mode: 0o755 })
  const build = ['build', '--quiet', '--network', 'none', '--tag']
  const options = { env: { DOCKER_BUILDKIT: '0' }, timeout: 300_000 }
  await docker.docker([...build, 'programs:e2e', '--file', '-', folder], { ...options, input: DOCKERFILE })
  for (const [service, more] of Object.entries(SERVICES)) {
    const input = `FROM programs:e2e\n${more}`
    await docker.docker([...build, `${service}:e2e`, '-'], { ...options, input })
  }
}

/** Those that the base may not have; its C library is this machine's. */
async function librariesOf(program: string): Promise<string[]> {
  const { stdout } = await attempt('ldd', [program])
  const paths = [...stdout.matchAll(/ => (\/\S+)/g)].map(([, path = '']) => path)
  return paths.filter((path) => !/\/(libc|libm|libdl|libpthread|librt)\.so/.test(path))
}
