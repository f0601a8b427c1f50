import { expect, test } from '@jest/globals'
import { columns, humanSize } from '../../../src/cli/columns.ts'
import { Failure } from '../../../src/errors.ts'
import type { Inspection } from '../../../src/repository/inspection.ts'
import { commandLine } from '../../fixtures/command-line.ts'

const digest = (letter: string) => `sha256:${letter.repeat(64)}`
const LAYOUT: Inspection = {
  path: '/ipfs/x/alpine',
  layout: '/ipfs/x/alpine',
  images: [
    {
      tag: '3.10.1',
      digest: digest('a'),
      mediaType: 'application/vnd.oci.image.index.v1+json',
      cid: 'bafkreia',
      platforms: [
        { platform: 'linux/amd64', digest: digest('b'), size: 2_726_297, layers: 1 },
        { platform: 'linux/arm/v7', digest: digest('c'), size: 512, layers: 12 },
      ],
    },
    { tag: undefined, digest: digest('d'), mediaType: 'm', cid: undefined, platforms: [] },
  ],
}

function inspect(inspection: Inspection, ...argv: string[]) {
  return commandLine({
    argv: ['inspect', '/ipfs/x/alpine', ...argv],
    program: { inspect: async () => inspection },
  })
}

test('shows tags, platforms, sizes, digests and CIDs', async () => {
  const { code, stdout } = await inspect(LAYOUT)
  expect(code).toBe(0)
  expect(stdout.split('\n')).toEqual([
    '/ipfs/x/alpine',
    '',
    '3.10.1',
    `  digest  ${digest('a')}`,
    '  type    application/vnd.oci.image.index.v1+json',
    '  cid     bafkreia',
    `  linux/amd64   2.6 MiB  1 layer    ${digest('b')}`,
    `  linux/arm/v7  512 B    12 layers  ${digest('c')}`,
    '',
    '(no tag)',
    `  digest  ${digest('d')}`,
    '  type    m',
    '',
  ])
})

test('as JSON', async () => {
  const { stdout } = await inspect(LAYOUT, '--json')
  expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(LAYOUT)))
})

test('where no layout is, shows what is, and fails', async () => {
  const { code, stdout } = await inspect({ ...LAYOUT, images: [], entries: ['alpine', 'evil\x1b[2J'] })
  expect(code).toBe(1)
  expect(stdout).toBe('/ipfs/x/alpine is no image layout; it holds\n  alpine\n  evil?[2J\n')
})

test('passes the path on, and a malformed one is wrong use', async () => {
  const { code, stderr } = await commandLine({
    argv: ['inspect', 'alpine'],
    program: {
      inspect: async (_, path) => {
        throw new Failure('NAME_INVALID', `"${path}" is neither /ipfs/… nor /ipns/…`)
      },
    },
  })
  expect(code).toBe(2)
  expect(stderr).toBe('ipfs-registry: "alpine" is neither /ipfs/… nor /ipns/…\n')
})

test('columns are as wide as their widest cell, without blanks at the end', () => {
  expect(columns([['a', 'b', ''], ['ccc'], ['', 'dd', 'e']])).toEqual(['a    b', 'ccc', '     dd  e'])
})

test.each([
  [0, '0 B'],
  [1023, '1023 B'],
  [1024, '1.0 KiB'],
  [5 * 2 ** 40, '5.0 TiB'],
  [2 ** 50, '1024.0 TiB'],
])('%d bytes are %s', (bytes, text) => {
  expect(humanSize(bytes)).toBe(text)
})
