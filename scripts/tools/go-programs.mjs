import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cached } from './cached.mjs'
import { linkProgram, toolsFolder } from './folders.mjs'
import { run } from './run.mjs'

/** In the environment of every Go compiler run here: what is built depends on the source alone. */
export const GO_ENVIRONMENT = { CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' }

// In the order in which they are built: the longest, and most wanted, first.
const MODULES = ['kubo', 'crane', 'regctl', 'oras', 'distribution', 'helm', 'kube-check']

/** Build what is not in the cache yet, one module after another, and link every program into .cache/tools/bin. */
export async function buildGoPrograms(problems) {
  const compiler = await run('go', ['version']).catch(() => undefined)
  if (compiler === undefined) {
    problems.push(`Go 1.26 or later is needed to build ${MODULES.join(', ')}: https://go.dev/doc/install`)
    return
  }
  for (const module of MODULES) {
    try {
      const folder = await build(module, compiler)
      for (const program of readdirSync(folder)) linkProgram(join(folder, program), program)
    } catch (error) {
      problems.push(`${module} could not be built: ${error.message}`)
    }
  }
}

/** The folder with the module's built programs. */
async function build(module, compiler) {
  const source = join(toolsFolder, module)
  const hash = createHash('sha256').update(compiler)
  for (const file of readdirSync(source).sort()) hash.update(readFileSync(join(source, file)))
  return cached(module, hash, (folder) =>
    // `tool` stands for the packages that go.mod lists in its tool directives.
    run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${folder}/`, 'tool'], {
      cwd: source,
      env: { ...process.env, ...GO_ENVIRONMENT },
    }),
  )
}
