import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { join } from 'node:path'
import { binFolder, cacheFolder, toolsFolder } from './folders.mjs'
import { run } from './run.mjs'

// In the order in which they are built: the longest, and most wanted, first.
const MODULES = ['kubo', 'crane', 'regctl', 'oras']

/** Build what is not in the cache yet, one module after another, and link every program into .cache/tools/bin. */
export async function buildGoPrograms(problems) {
  mkdirSync(binFolder, { recursive: true })
  mkdirSync(cacheFolder, { recursive: true })
  const compiler = await run('go', ['version']).catch(() => undefined)
  if (compiler === undefined) {
    problems.push(
      'Go 1.26 or later is needed to build kubo, crane, regctl and oras: https://go.dev/doc/install',
    )
    return
  }
  for (const module of MODULES) {
    try {
      const folder = await build(module, compiler)
      for (const program of readdirSync(folder)) link(join(folder, program), program)
    } catch (error) {
      problems.push(`${module} could not be built: ${error.message}`)
    }
  }
}

/** The folder with the module's built programs; its name holds everything that decides what is in them. */
async function build(module, compiler) {
  const source = join(toolsFolder, module)
  const hash = createHash('sha256').update(compiler)
  for (const file of ['go.mod', 'go.sum']) hash.update(readFileSync(join(source, file)))
  const folder = join(cacheFolder, `${module}-${hash.digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder

  const started = Date.now()
  const unfinished = mkdtempSync(join(cacheFolder, `.${module}-`))
  try {
    // `tool` stands for the packages that go.mod lists in its tool directives.
    await run('go', ['build', '-trimpath', '-ldflags=-s -w', '-o', `${unfinished}/`, 'tool'], {
      cwd: source,
      env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -buildvcs=false', GOWORK: 'off' },
    })
    if (!existsSync(folder)) renameSync(unfinished, folder)
  } finally {
    rmSync(unfinished, { recursive: true, force: true })
  }
  console.error(`install-tools: built ${module} in ${Math.round((Date.now() - started) / 1000)} s`)
  return folder
}

function link(target, program) {
  const temporary = join(binFolder, `.${program}-${process.pid}`)
  rmSync(temporary, { force: true })
  symlinkSync(target, temporary)
  renameSync(temporary, join(binFolder, program))
}
