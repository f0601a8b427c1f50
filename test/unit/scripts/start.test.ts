import { realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BareClone } from '../../fixtures/bare-clone.ts'

const COMPILER = `
require('node:fs').mkdirSync('dist', { recursive: true })
require('node:fs').writeFileSync('dist/main.js', 'console.log(JSON.stringify([process.ppid, ...process.argv.slice(1)]))')
console.log('built with ' + process.argv.slice(2).join(' '))
`

let clone: BareClone

beforeEach(async () => {
  clone = await BareClone.create('install.mjs', 'start.mjs')
})

afterEach(() => clone.remove())

test('installs, builds and serves the sample, with the flags given, in one process', async () => {
  await clone.write('node_modules/typescript/bin/tsc', COMPILER)
  const { code, stdout, stderr } = await clone.node(['scripts/start.mjs', '--listen', '0.0.0.0:80'])
  expect(code).toBe(0)
  const root = await realpath(clone.folder)
  expect(JSON.parse(stdout)).toEqual([
    process.pid,
    join(root, 'dist/main.js'),
    'serve',
    '--sample',
    '--listen',
    '0.0.0.0:80',
  ])
  expect(await clone.npmRuns()).toHaveLength(1)
  expect(stderr).toMatch(/npm says something[^]*built with -p .*tsconfig\.build\.json/)
})

test('serves nothing that was not built', async () => {
  await clone.write('node_modules/typescript/bin/tsc', 'console.log("error TS1"); process.exit(2)')
  await clone.write('dist/main.js', 'console.log("served")')
  const { code, stdout, stderr } = await clone.node(['scripts/start.mjs'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toContain('error TS1')
})

test('serves nothing when what it needs can not be installed', async () => {
  await clone.write('npm-fails', '')
  await clone.write('dist/main.js', 'console.log("served")')
  const { code, stdout } = await clone.node(['scripts/start.mjs'])
  expect([code, stdout]).toEqual([1, ''])
})
