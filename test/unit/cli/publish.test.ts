import { Readable } from 'node:stream'
import { describe, expect, test } from '@jest/globals'
import { pullLines, registryHost } from '../../../src/cli/pull-lines.ts'
import type { PublishCommand, Published } from '../../../src/cli/program.ts'
import { Failure } from '../../../src/errors.ts'
import type { PublishResult } from '../../../src/publish/publisher.ts'
import { commandLine } from '../../fixtures/command-line.ts'
import type { CommandLine } from '../../fixtures/command-line.ts'

const ROOT = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi'
const RESULT: PublishResult = {
  root: ROOT,
  target: 'embedded',
  layouts: [
    { path: 'alpine', tags: ['3.10.1', 'latest'] },
    { path: 'tools/untagged', tags: [] },
    { path: '', tags: ['v1'] },
  ],
  bytes: 42,
}

/** Publishes with a program that takes anything. */
async function publish(argv: readonly string[], more: Partial<CommandLine> = {}, result: Published = RESULT) {
  let request: PublishCommand | undefined
  const ran = await commandLine({
    argv: ['publish', ...argv],
    program: {
      publish: async (_, given) => {
        request = given
        given.onProgress?.({ step: 'storing', doneBytes: 1 << 20, totalBytes: 2 << 20 })
        given.onProgress?.({ step: 'reading', doneBytes: 3 << 20, totalBytes: undefined })
        return result
      },
    },
    ...more,
  })
  return { ...ran, request }
}

test('prints the root and the line that pulls each tag', async () => {
  const { code, stdout, stderr } = await publish(['./images'])
  expect(code).toBe(0)
  const untagged = `/ipfs/${ROOT}/tools/untagged`
  expect(stderr).toBe(
    `${untagged} has no tag to pull by; \`ipfs-registry inspect ${untagged}\` lists its images by digest\n`,
  )
  expect(stdout.split('\n')).toEqual([
    ROOT,
    `docker pull localhost:5000/ipfs/${ROOT}/alpine:3.10.1`,
    `docker pull localhost:5000/ipfs/${ROOT}/alpine:latest`,
    `docker pull localhost:5000/ipfs/${ROOT}:v1`,
    '',
  ])
})

test('prints the address of the gateway that did it, whatever the settings say', async () => {
  const gateway = { host: '127.0.0.1', port: 5555 }
  const { stdout } = await publish(['./images'], {}, { ...RESULT, gateway })
  expect(stdout).toContain(`docker pull localhost:5555/ipfs/${ROOT}/alpine:latest`)
  expect(stdout).not.toContain('5000')
})

test('as JSON, with the lines', async () => {
  const { stdout } = await publish(['./images', '--json'])
  expect(JSON.parse(stdout)).toMatchObject({
    ...RESULT,
    pull: expect.arrayContaining([expect.stringContaining(':v1')]),
  })
})

test('many tags are not all printed for people', async () => {
  const tags = Array.from({ length: 1000 }, (_, index) => `t${index}`)
  const { stdout } = await publish(['.'], {}, { ...RESULT, layouts: [{ path: 'a', tags }] })
  expect(stdout.split('\n').length).toBeLessThan(60)
  expect(stdout).toMatch(/and 950 more; --json/)
})

describe('the request', () => {
  test('holds what was given and nothing else', async () => {
    const { request } = await publish(['image.tar', '--name', 'a/b', '--tag', '1', '--to', 'kubo'])
    expect(request).toMatchObject({
      input: { kind: 'path', path: 'image.tar' },
      name: 'a/b',
      tag: '1',
      to: 'kubo',
    })
    const plain = await publish(['dir'])
    expect(plain.request).not.toHaveProperty('name')
    expect(plain.request).not.toHaveProperty('tag')
    expect(plain.request?.to).toBe('embedded')
  })

  test('- is the pipe', async () => {
    const stdin = Readable.from(['archive'])
    const { request } = await publish(['-', '--name', 'a'], { stdin })
    expect(request?.input).toEqual({ kind: 'stream', stream: stdin })
  })
})

describe('progress', () => {
  test('is drawn on a terminal, on stderr', async () => {
    const { stdout, stderr } = await publish(['.'], { isTTY: true })
    expect(stderr).toContain('storing')
    expect(stderr).toContain('of 2.0 MiB')
    expect(stdout).not.toContain('storing')
  })

  test('leaves the terminal in order when publishing fails', async () => {
    const { code, stderr } = await publish(['.'], {
      isTTY: true,
      program: {
        publish: async (_, { onProgress }) => {
          onProgress?.({ step: 'checking', doneBytes: 1, totalBytes: 2 })
          throw new Failure('LAYOUT_INVALID', 'blobs/sha256/ab is cut short')
        },
      },
    })
    expect(code).toBe(1)
    // The cursor is shown again before the message.
    expect(stderr).toMatch(/\x1b\[\?25h[^]*ipfs-registry: blobs\/sha256\/ab is cut short\n$/)
  })
})

test('an interrupted command says so in one line', async () => {
  const stopping = new AbortController()
  const { code, stderr } = await commandLine({
    argv: ['publish', '.'],
    signal: stopping.signal,
    program: {
      publish: async (_, { signal }) => {
        stopping.abort()
        signal.throwIfAborted()
        return RESULT
      },
    },
  })
  expect(code).toBe(1)
  expect(stderr).toBe('ipfs-registry: interrupted\n')
})

test.each([
  ['127.0.0.1', 'localhost:5000'],
  ['0.0.0.0', 'localhost:5000'],
  ['::', 'localhost:5000'],
  ['::1', 'localhost:5000'],
  ['10.0.0.7', '10.0.0.7:5000'],
  ['2001:db8::1', '[2001:db8::1]:5000'],
  ['registry.example', 'registry.example:5000'],
])('listening on %s, clients here say %s', (host, expected) => {
  expect(registryHost({ host, port: 5000 })).toBe(expected)
  expect(pullLines({ ...RESULT, layouts: [{ path: 'a', tags: ['1'] }] }, { host, port: 5000 })).toEqual([
    `docker pull ${expected}/ipfs/${ROOT}/a:1`,
  ])
})
