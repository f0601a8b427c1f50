import { createHash } from 'node:crypto'
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { cached } from './cached.mjs'
import { linkProgram } from './folders.mjs'
import { run } from './run.mjs'

const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt'
/** What a base for programs can do without. */
const UNUSED = [
  'var/cache/apt',
  'var/lib/apt/lists',
  'usr/share/doc',
  'usr/share/man',
  'usr/share/locale',
  'usr/share/info',
]

/**
 * A base for deploy/Dockerfile where none can be fetched: a small Debian of this machine's release, with the Node.js and
 * npm that run this script. It becomes `.cache/tools/bin/base-image.tar`, for `docker import`.
 */
export async function buildBaseImage(problems) {
  if (!existsSync('/etc/debian_version') || process.getuid?.() !== 0) return
  const node = realpathSync(process.execPath)
  const npm = dirname(dirname(realpathSync(join(dirname(process.execPath), 'npm'))))
  const hash = createHash('sha256').update(`${process.version} ${node} ${npm}`)
  try {
    const folder = await cached('base-image', hash, async (made) => {
      const root = join(made, 'root')
      const [mirror = ''] = (
        await run('apt-get', ['indextargets', '--format', '$(REPO_URI)', 'Created-By: Packages'])
      ).split('\n')
      const [, suite] = /^VERSION_CODENAME=(\w+)$/m.exec(await run('cat', ['/etc/os-release'])) ?? []
      await run('debootstrap', ['--variant=minbase', '--include=ca-certificates', suite, root, mirror])
      for (const path of UNUSED) rmSync(join(root, path), { recursive: true, force: true })
      copyFileSync(node, join(root, 'usr/local/bin/node'))
      cpSync(npm, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true })
      symlinkSync('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'))
      // Whom this machine trusts, the build has to trust as well.
      if (existsSync(AUTHORITIES)) {
        copyFileSync(AUTHORITIES, join(root, AUTHORITIES))
        mkdirSync(join(root, 'usr/local/etc'), { recursive: true })
        writeFileSync(join(root, 'usr/local/etc/npmrc'), `cafile=${AUTHORITIES}\n`)
      }
      await run('tar', ['-C', root, '-cf', join(made, 'base-image.tar'), '.'])
      rmSync(root, { recursive: true })
      // The tests look for what can be executed.
      chmodSync(join(made, 'base-image.tar'), 0o755)
    })
    linkProgram(join(folder, 'base-image.tar'), 'base-image.tar')
  } catch (error) {
    problems.push(`no base image: ${error.message}`)
  }
}
