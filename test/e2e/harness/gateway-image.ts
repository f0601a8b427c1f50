import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './child.ts'
import type { Docker } from './docker.ts'
import { repositoryFolder, toolPath } from './tools.ts'

export const GATEWAY_IMAGE = 'ipfs-registry-gateway:e2e'
/** Debian with Node.js, below {@link GATEWAY_IMAGE}. */
export const BASE_IMAGE = 'base:e2e'
/** The base with what npm on this machine has fetched before. */
const BUILD_IMAGE = 'build:e2e'

/** Build deploy/Dockerfile as {@link GATEWAY_IMAGE}. The daemon must have the storage driver `overlay2`. */
export async function buildGatewayImage(docker: Docker): Promise<void> {
  await docker.docker(['import', toolPath('base-image.tar') ?? '', BASE_IMAGE])
  const base = (await buildImageWithPackages(docker)) ? BUILD_IMAGE : BASE_IMAGE
  await docker.docker(
    [
      ...['build', '--quiet', '--network', 'host'],
      ...['--build-arg', `BASE=${BASE_IMAGE}`, '--build-arg', `BUILD_BASE=${base}`],
      ...['--file', 'deploy/Dockerfile', '--tag', GATEWAY_IMAGE, '.'],
    ],
    { cwd: repositoryFolder, env: { DOCKER_BUILDKIT: '0' }, timeout: 600_000 },
  )
}

/**
 * npm holds packages to the digests of package-lock.json wherever they come from, so those that are here need not be
 * fetched again.
 */
async function buildImageWithPackages(docker: Docker): Promise<boolean> {
  const cache = (await run('npm', ['config', 'get', 'cache'])).trim()
  if (!existsSync(join(cache, '_cacache'))) return false
  const dockerfile = `FROM ${BASE_IMAGE}
ENV npm_config_prefer_offline=true
COPY _cacache /root/.npm/_cacache
`
  await docker.docker(['build', '--quiet', '--tag', BUILD_IMAGE, '--file', '-', cache], {
    input: dockerfile,
    env: { DOCKER_BUILDKIT: '0' },
    timeout: 300_000,
  })
  return true
}
