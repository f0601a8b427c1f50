import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, run, until } from './child.ts'
import type { Docker } from './docker.ts'
import { repositoryFolder, toolPath } from './tools.ts'

export const GATEWAY_IMAGE = 'ipfs-registry-gateway:e2e'
/** Debian with Node.js, below {@link GATEWAY_IMAGE}. */
export const BASE_IMAGE = 'base:e2e'

/** Built images, by all that they are built of. */
const KEPT = join(repositoryFolder, '.cache/gateway-image')
/** What deploy/Dockerfile takes in. */
const PARTS = [
  'package.json',
  'package-lock.json',
  '.npmrc',
  'tsconfig.json',
  'tsconfig.build.json',
  'LICENSE',
]

/**
 * Have {@link GATEWAY_IMAGE} and {@link BASE_IMAGE} in a daemon with the storage driver `overlay2`. The first of the test
 * files that needs the image builds deploy/Dockerfile, the others take what it has built.
 */
export async function loadGatewayImage(docker: Docker): Promise<void> {
  await mkdir(KEPT, { recursive: true })
  const release = await lock(join(KEPT, 'lock'))
  try {
    const name = `${await keyOfSources()}.tar`
    if (existsSync(join(KEPT, name))) {
      await docker.docker(['load', '--quiet', '--input', join(KEPT, name)])
      return
    }
    await buildGatewayImage(docker)
    for (const other of await readdir(KEPT)) {
      if (other.endsWith('.tar')) await rm(join(KEPT, other))
    }
    const unfinished = join(KEPT, 'unfinished')
    await docker.docker(['save', '--output', unfinished, GATEWAY_IMAGE, BASE_IMAGE])
    await rename(unfinished, join(KEPT, name))
  } finally {
    await release()
  }
}

/** Holds a lock among processes; the kernel takes it back from one that dies. */
async function lock(file: string): Promise<() => Promise<void>> {
  const holder = launch('flock', ['--no-fork', file, 'sh', '-c', 'echo held && exec sleep infinity'])
  await until('the lock', () => holder.stdout() !== '', { process: holder, timeout: 600_000 })
  return () => holder.stop()
}

async function keyOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const base = toolPath('base-image.tar') ?? ''
  hash.update(await run('sha256sum', [base]))
  const sources = (await readdir(join(repositoryFolder, 'src'), { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
  const parts = ['deploy/Dockerfile', ...PARTS].map((part) => join(repositoryFolder, part))
  for (const path of [...parts, ...sources]) hash.update(`\0${path}\0`).update(await readFile(path))
  return hash.digest('hex').slice(0, 16)
}

async function buildGatewayImage(docker: Docker): Promise<void> {
  await docker.docker(['import', toolPath('base-image.tar') ?? '', BASE_IMAGE])
  await docker.docker(
    [
      ...['build', '--quiet', '--network', 'host', '--build-arg', `BASE=${BASE_IMAGE}`],
      ...['--file', 'deploy/Dockerfile', '--tag', GATEWAY_IMAGE, '.'],
    ],
    { cwd: repositoryFolder, env: { DOCKER_BUILDKIT: '0' }, timeout: 600_000 },
  )
}
