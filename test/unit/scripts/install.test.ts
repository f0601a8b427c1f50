import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { BareClone } from '../../fixtures/bare-clone.ts'

const SCRIPT = 'scripts/install.mjs'
const CI = ['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error']

let clone: BareClone

beforeEach(async () => {
  clone = await BareClone.create('install.mjs')
})

afterEach(() => clone.remove())

describe('installing', () => {
  test('happens on a bare clone, and not again', async () => {
    const first = await clone.node([SCRIPT])
    expect([first.code, first.stdout]).toEqual([0, ''])
    expect(first.stderr).toMatch(/installing dependencies[^]*npm says something/)
    // Whatever the environment says, the compiler is needed.
    expect(await clone.npmRuns()).toEqual([{ args: CI, env: 'development' }])
    expect(await clone.node([SCRIPT])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(await clone.npmRuns()).toHaveLength(1)
  })

  test('happens again when the lockfile has changed', async () => {
    await clone.node([SCRIPT])
    await clone.write('package-lock.json', '{"lockfileVersion":3}')
    await clone.node([SCRIPT])
    expect(await clone.npmRuns()).toHaveLength(2)
    await clone.node([SCRIPT])
    expect(await clone.npmRuns()).toHaveLength(2)
  })

  test('happens again when what was installed is gone, or is for another machine', async () => {
    await clone.node([SCRIPT])
    await clone.removeFile('node_modules')
    await clone.node([SCRIPT])
    expect(await clone.npmRuns()).toHaveLength(2)
    const stamp = await clone.read('node_modules/.cache/installed')
    await clone.write('node_modules/.cache/installed', stamp.replace(process.arch, 'pdp11'))
    await clone.node([SCRIPT])
    expect(await clone.npmRuns()).toHaveLength(3)
  })

  test('that fails is said, and tried again', async () => {
    await clone.write('npm-fails', '')
    const failed = await clone.node([SCRIPT])
    expect(failed.code).toBe(1)
    expect(failed.stderr).toContain('could not be installed')
    await clone.removeFile('npm-fails')
    expect((await clone.node([SCRIPT])).code).toBe(0)
    expect(await clone.npmRuns()).toHaveLength(2)
  })

  const onUnix = process.platform === 'win32' ? test.skip : test

  onUnix('is done by the npm on the path where no npm has started the script', async () => {
    const stub = `#!/bin/sh\nexec "${process.execPath}" "${join(clone.folder, 'npm/npm-cli.js')}" "$@"\n`
    await clone.write('bin/npm', stub, 0o755)
    const ran = await clone.node([SCRIPT], { PATH: join(clone.folder, 'bin') })
    expect(ran.code).toBe(0)
    expect(await clone.npmRuns()).toHaveLength(1)
  })

  test('without any npm says so', async () => {
    const ran = await clone.node([SCRIPT], { PATH: join(clone.folder, 'nowhere') })
    expect(ran.code).toBe(1)
    expect(ran.stderr).toContain('npm could not be run')
  })
})

test.each([
  ['18.20.0', 1],
  ['20.18.9', 1],
  ['20.19.0', 0],
  ['22.0.0', 0],
])('Node.js %s ends with code %d', async (version, code) => {
  const pretend = `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } })`
  const ran = await clone.node(['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, SCRIPT])
  expect(ran.code).toBe(code)
  if (code === 1) expect(ran.stderr).toContain(`Node.js 20.19 or later is needed; this is ${version}`)
  expect(await clone.npmRuns()).toHaveLength(code === 1 ? 0 : 1)
})

test('`npx ipfs-registry` runs what was built here, and says what to do before', async () => {
  await clone.node([SCRIPT])
  const command = 'node_modules/.bin/ipfs-registry'
  const early = await clone.node([command])
  expect([early.code, early.stderr]).toEqual([1, 'ipfs-registry: not built yet; run npm run build\n'])
  await clone.write('dist/main.js', 'console.log(process.argv.slice(2).join(" "))')
  expect(await clone.node([command, 'serve', '--public'])).toEqual({
    code: 0,
    stdout: 'serve --public\n',
    stderr: '',
  })
})
