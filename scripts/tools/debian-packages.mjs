import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.mjs'

/** Program → the Debian package that has it. */
const PACKAGES = {
  skopeo: 'skopeo',
  podman: 'podman',
  buildah: 'buildah',
  umoci: 'umoci',
  nginx: 'nginx',
  'docker-registry': 'docker-registry',
  'docker-compose': 'docker-compose',
  openssl: 'openssl',
  dockerd: 'docker.io',
  docker: 'docker.io',
  containerd: 'containerd',
  ctr: 'containerd',
  runc: 'runc',
  iptables: 'iptables',
  newuidmap: 'uidmap',
  setpriv: 'util-linux',
  debootstrap: 'debootstrap',
  'systemd-analyze': 'systemd',
  prometheus: 'prometheus',
  promtool: 'prometheus',
  chromium: 'chromium',
  zsh: 'zsh',
  fish: 'fish',
}

/** What Debian runs to ask whether a freshly installed service may start; absent means that it may. */
const POLICY = '/usr/sbin/policy-rc.d'

export async function installDebianPackages(problems) {
  const missing = Object.keys(PACKAGES).filter((program) => !onPath(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((program) => PACKAGES[program]))]
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) {
    problems.push(
      `missing programs: ${missing.join(', ')} (on Debian, as root: apt-get install ${packages.join(' ')})`,
    )
    return
  }
  console.error(`install-tools: apt-get install ${packages.join(' ')}`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  const wait = ['-o', 'DPkg::Lock::Timeout=300']
  const ownPolicy = !existsSync(POLICY)
  // The tests start their own instances: the packages' services must not come up beside them.
  if (ownPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 })
  try {
    await run('apt-get', [...wait, 'update', '-q'], { env })
    await run('apt-get', [...wait, 'install', '-q', '-y', '--no-install-recommends', ...packages], { env })
    const still = missing.filter((program) => !onPath(program))
    if (still.length > 0) problems.push(`no package brought ${still.join(', ')}`)
  } catch (error) {
    problems.push(error.message)
  } finally {
    if (ownPolicy) rmSync(POLICY, { force: true })
  }
}

function onPath(program) {
  return [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
