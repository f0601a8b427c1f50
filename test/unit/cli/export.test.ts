import { describe, expect, test } from '@jest/globals'
import type { ExportCommand, Exported } from '../../../src/cli/program.ts'
import { Failure } from '../../../src/errors.ts'
import { CapturedStream } from '../../fixtures/captured-stream.ts'
import { commandLine } from '../../fixtures/command-line.ts'
import type { CommandLine } from '../../fixtures/command-line.ts'

const DIGEST = `sha256:${'ab'.repeat(32)}`
const EXPORTED: Exported = {
  source: '/ipfs/bafy/app',
  images: [
    { name: 'v1', digest: DIGEST },
    { name: undefined, digest: DIGEST },
  ],
  size: 3 << 20,
  bytes: 3 << 20,
}

/** Exports with a program that has anything. */
async function exportPath(
  argv: readonly string[],
  more: Partial<CommandLine> = {},
  exported: Exported = EXPORTED,
) {
  let command: ExportCommand | undefined
  const ran = await commandLine({
    argv: ['export', '/ipfs/bafy/app', ...argv],
    program: {
      export: async (_, given) => {
        command = given
        given.onProgress?.({ step: 'exporting', doneBytes: 1 << 20, totalBytes: 3 << 20 })
        if (given.output.kind === 'stream') given.output.stream.write('the bytes')
        return exported
      },
    },
    ...more,
  })
  return { ...ran, command }
}

describe('with -o', () => {
  test('what was written is told on stdout', async () => {
    const { code, stdout, stderr, command } = await exportPath(['--format', 'oci-archive', '-o', 'app.tar'])
    expect(code).toBe(0)
    expect(stderr).toBe('')
    expect(command).toMatchObject({
      path: '/ipfs/bafy/app',
      format: 'oci-archive',
      output: { kind: 'file', path: 'app.tar' },
    })
    expect(stdout).toBe(`app.tar  3.0 MiB\nv1        ${DIGEST}\n(no tag)  ${DIGEST}\n`)
  })

  test('of a CAR the root', async () => {
    const { stdout } = await exportPath(
      ['-o', 'app.car'],
      {},
      { source: '/ipfs/bafy/app', root: 'bafy', size: undefined, bytes: 12 },
    )
    expect(stdout).toBe('app.car  12 B\n/ipfs/bafy\n')
  })

  test('as JSON', async () => {
    const { stdout } = await exportPath(['--format', 'oci', '--output', 'app', '--json'])
    expect(JSON.parse(stdout)).toEqual({
      ...EXPORTED,
      images: [{ name: 'v1', digest: DIGEST }, { digest: DIGEST }],
      format: 'oci',
      output: 'app',
    })
  })

  test('an OCI layout is a folder', async () => {
    const { command } = await exportPath(['--format', 'oci', '-o', './app'])
    expect(command?.output).toEqual({ kind: 'folder', path: './app' })
  })

  test('many images are not all printed for people', async () => {
    const images = Array.from({ length: 1000 }, (_, index) => ({ name: `t${index}`, digest: DIGEST }))
    const { stdout } = await exportPath(['-o', 'a'], {}, { ...EXPORTED, images })
    expect(stdout.split('\n').length).toBeLessThan(60)
    expect(stdout).toMatch(/and 950 more; --json/)
  })
})

describe('without -o', () => {
  test.each([[[]], [['-o', '-']]])('stdout has the bytes and nothing else', async (flags) => {
    const { code, stdout, command } = await exportPath([...flags, '--json'])
    expect(code).toBe(0)
    expect(stdout).toBe('the bytes')
    expect(command?.format).toBe('car')
  })

  test('a terminal gets none', async () => {
    const { code, stderr, command } = await exportPath([], { stdout: new CapturedStream({ isTTY: true }) })
    expect(code).toBe(2)
    expect(stderr).toMatch(/stdout is a terminal: name a file by -o/)
    expect(command).toBeUndefined()
  })

  test('a folder needs a name', async () => {
    const { code, stderr } = await exportPath(['--format', 'oci'])
    expect(code).toBe(2)
    expect(stderr).toMatch(/name it by -o/)
  })
})

test('the request holds what was given and nothing else', async () => {
  const { command } = await exportPath([
    ...['--format', 'docker-archive', '--platform', 'linux/arm64', '--name', 'team/app', '-o', 'x'],
  ])
  expect(command).toMatchObject({ platform: 'linux/arm64', name: 'team/app' })
  const plain = await exportPath(['-o', 'x'])
  expect(plain.command).not.toHaveProperty('platform')
  expect(plain.command).not.toHaveProperty('name')
})

test.each<[string, string[], RegExp]>([
  [
    'a format that is none',
    ['--format', 'zip', '-o', 'x'],
    /Allowed choices are car, oci, oci-archive, docker-archive/,
  ],
  ['a platform of a CAR', ['--platform', 'linux/arm64', '-o', 'x'], /--platform is for the other formats/],
  [
    'a name for a layout',
    ['--format', 'oci', '--name', 'app', '-o', 'x'],
    /--name is for --format docker-archive/,
  ],
])('wrong use: %s', async (_, flags, message) => {
  const { code, stdout, stderr } = await exportPath(flags)
  expect(code).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toMatch(message)
})

test('what fails is exit code 1, and the terminal is left in order', async () => {
  const { code, stderr } = await exportPath(['-o', 'x'], {
    isTTY: true,
    program: {
      export: async (_, { onProgress }) => {
        onProgress?.({ step: 'exporting', doneBytes: 1, totalBytes: 2 })
        throw new Failure('CONTENT_INVALID', 'the blob is damaged')
      },
    },
  })
  expect(code).toBe(1)
  expect(stderr).toMatch(/exporting[^]*\x1b\[\?25h[^]*ipfs-registry: the blob is damaged\n$/)
})
