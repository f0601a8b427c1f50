import { createHash } from 'node:crypto'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { cached } from './cached.mjs'
import { binFolder, linkProgram } from './folders.mjs'
import { GO_ENVIRONMENT } from './go-programs.mjs'
import { run } from './run.mjs'

const PROGRAM = 'gateway-conformance'

/**
 * The IPFS gateway conformance suite, whose tests no module proxy has: `gateway-conformance.tar.gz`, the source of
 * ipfs/gateway-conformance with its fixtures, lies in the folder that CONFORMANCE_DIR names. Its tests become one
 * program, beside which its fixtures are kept.
 */
export async function buildGatewayConformance(problems) {
  const given = process.env.CONFORMANCE_DIR
  const archive = given === undefined ? undefined : resolve(given, `${PROGRAM}.tar.gz`)
  if (archive === undefined || !existsSync(archive)) {
    if (existsSync(join(binFolder, PROGRAM))) return
    problems.push(`${PROGRAM} is missing: name the folder of ${PROGRAM}.tar.gz in CONFORMANCE_DIR`)
    return
  }
  try {
    const hash = createHash('sha256')
      .update(await run('go', ['version']))
      .update(readFileSync(archive))
    const folder = await cached(PROGRAM, hash, (empty) => build(archive, empty))
    linkProgram(join(folder, PROGRAM), PROGRAM)
  } catch (error) {
    problems.push(`${PROGRAM} could not be built: ${error.message}`)
  }
}

async function build(archive, folder) {
  const source = mkdtempSync(join(tmpdir(), `${PROGRAM}-`))
  try {
    await run('tar', ['-xzf', archive, '-C', source])
    await run('go', ['test', '-c', '-trimpath', '-ldflags=-s -w', '-o', join(folder, PROGRAM), './tests'], {
      cwd: source,
      env: { ...process.env, ...GO_ENVIRONMENT },
    })
    cpSync(join(source, 'fixtures'), join(folder, 'fixtures'), { recursive: true })
  } finally {
    rmSync(source, { recursive: true, force: true })
  }
}
