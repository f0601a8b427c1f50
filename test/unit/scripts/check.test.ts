import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { BareClone } from '../../fixtures/bare-clone.ts'

const CHECKS = {
  types: 'typescript/bin/tsc',
  lint: 'eslint/bin/eslint.js',
  format: 'prettier/bin/prettier.cjs',
} as const

let clone: BareClone

beforeEach(async () => {
  clone = await BareClone.create('check.mjs')
  for (const name of Object.keys(CHECKS) as (keyof typeof CHECKS)[]) await stub(name, 0)
})

afterEach(() => clone.remove())

function stub(name: keyof typeof CHECKS, code: number): Promise<void> {
  const text = `console.log('${name} out'); console.error('${name} err'); process.exitCode = ${code}`
  return clone.write(`node_modules/${CHECKS[name]}`, text)
}

test('says nothing when all is well', async () => {
  expect(await clone.node(['scripts/check.mjs'])).toEqual({ code: 0, stdout: '', stderr: '' })
})

test('says what those say that fail, and nothing of the others', async () => {
  await stub('lint', 1)
  await stub('format', 2)
  const { code, stdout, stderr } = await clone.node(['scripts/check.mjs'])
  expect([code, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/── lint ──\n(?:lint out\nlint err|lint err\nlint out)\n/)
  expect(stderr).toMatch(/── format ──/)
  expect(stderr).toMatch(/failed: lint, format\n$/)
  expect(stderr).not.toContain('types')
})

test('a check that is not installed is one that fails', async () => {
  await clone.removeFile(`node_modules/${CHECKS.types}`)
  const { code, stderr } = await clone.node(['scripts/check.mjs'])
  expect(code).toBe(1)
  expect(stderr).toContain('failed: types')
})
