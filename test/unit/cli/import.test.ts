import { Readable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import type { ImportedCar, ImportRequest, ImportResult } from '../../../src/import/importer.ts'
import { commandLine, type CommandLine } from '../../fixtures/command-line.ts'

const ROOT = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const CAR: ImportedCar = {
  kind: 'car',
  roots: [
    { root: ROOT, blocks: 12, bytes: 3 << 20 },
    { root: 'bafkqaaa', blocks: 1, bytes: 5 },
  ],
  unreachable: 0,
  missing: 0,
}

/** Imports with a program that takes anything. */
async function importing(
  argv: readonly string[],
  more: Partial<CommandLine> = {},
  result: ImportResult = CAR,
) {
  let request: ImportRequest | undefined
  const ran = await commandLine({
    argv: ['import', ...argv],
    program: {
      import: async (_, given) => {
        request = given
        given.onProgress?.({ step: 'storing', doneBytes: 1 << 20, totalBytes: 2 << 20 })
        return result
      },
    },
    ...more,
  })
  return { ...ran, request }
}

test('prints each root with what is below it', async () => {
  const { code, stdout, stderr } = await importing(['images.car'])
  expect(code).toBe(0)
  expect(stderr).toBe('')
  expect(stdout).toBe(`${ROOT}  12 blocks  3.0 MiB\nbafkqaaa${' '.repeat(53)}1 block    5 B\n`)
})

test('says on stderr what was left out and what is missing', async () => {
  const { stderr } = await importing(['a.car'], {}, { ...CAR, unreachable: 3, missing: 1 })
  expect(stderr.split('\n')).toEqual([
    '3 blocks that no root leads to: not kept',
    '1 block missing: what is below its roots is incomplete',
    '',
  ])
})

test('many roots are not all printed for people', async () => {
  const roots = Array.from({ length: 1000 }, () => ({ root: ROOT, blocks: 1, bytes: 1 }))
  const { stdout } = await importing(['a.car'], {}, { ...CAR, roots })
  expect(stdout.split('\n')).toHaveLength(52)
  expect(stdout).toMatch(/and 950 more; --json/)
})

test('a record with what it says, made harmless for a terminal', async () => {
  const { stdout } = await importing(
    ['k51.ipns-record'],
    {},
    {
      kind: 'ipns-record',
      name: 'k51abc',
      value: `/ipfs/${ROOT}/\x1b[31m`,
      sequence: '7',
      validUntil: '2030-01-01T00:00:00.000Z',
    },
  )
  expect(stdout.split('\n')).toEqual([
    'k51abc',
    `  value        /ipfs/${ROOT}/?[31m`,
    '  sequence     7',
    '  valid until  2030-01-01T00:00:00.000Z',
    '',
  ])
})

test('as JSON, with everything', async () => {
  const { stdout } = await importing(['a.car', '--json'])
  expect(JSON.parse(stdout)).toEqual(CAR)
})

describe('the request', () => {
  test('holds what was given and nothing else', async () => {
    const { request } = await importing(['a.car', '--name', 'k51abc', '--allow-incomplete'])
    expect(request).toMatchObject({
      input: { kind: 'path', path: 'a.car' },
      name: 'k51abc',
      allowIncomplete: true,
    })
    const plain = await importing(['a.car'])
    expect(plain.request).not.toHaveProperty('name')
    expect(plain.request?.allowIncomplete).toBe(false)
  })

  test('- is the pipe', async () => {
    const stdin = Readable.from(['car'])
    const { request } = await importing(['-'], { stdin })
    expect(request?.input).toEqual({ kind: 'stream', stream: stdin })
  })

  test('- is no keyboard', async () => {
    const stdin = Object.assign(Readable.from([]), { isTTY: true })
    const { code, stderr } = await importing(['-'], { stdin })
    expect(code).toBe(2)
    expect(stderr).toContain('ipfs dag export')
  })

  test('needs a file', async () => {
    expect((await importing([])).code).toBe(2)
  })
})

test('progress is drawn on a terminal, on stderr', async () => {
  const { stdout, stderr } = await importing(['a.car'], { isTTY: true })
  expect(stderr).toContain('of 2.0 MiB')
  expect(stdout).not.toContain('storing')
})

test.each([
  ['IMPORT_INVALID', 1],
  ['CONTENT_INVALID', 1],
  ['NAME_INVALID', 2],
] as const)('%s ends with %i and its message', async (failure, expected) => {
  const program = { import: () => Promise.reject(new Failure(failure, 'this is why')) }
  const { code, stderr } = await commandLine({ argv: ['import', 'a.car'], program })
  expect([code, stderr]).toEqual([expected, 'ipfs-registry: this is why\n'])
})
