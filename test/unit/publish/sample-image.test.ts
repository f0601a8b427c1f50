import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import { FileDagBuilder } from '../../../src/content/unixfs/file-dag.ts'
import { buildDirectoryTree } from '../../../src/publish/directory-tree.ts'
import { publishSample } from '../../../src/publish/sample/publish-sample.ts'
import { greetingElf } from '../../../src/publish/sample/greeting-elf.ts'
import { SAMPLE_GREETING, sampleFiles } from '../../../src/publish/sample/sample-image.ts'
import { memoryTarget } from '../../fixtures/memory-target.ts'

/** Stands in the README: whoever changes the sample changes it there too. */
const SAMPLE_CID = 'bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve'

const linuxOnAmd64 = process.platform === 'linux' && process.arch === 'x64'

async function outputOf(program: Uint8Array): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-'))
  try {
    const file = join(folder, 'hello')
    await writeFile(file, program)
    await chmod(file, 0o755)
    return (await promisify(execFile)(file)).stdout
  } finally {
    await rm(folder, { recursive: true })
  }
}

describe('the sample image', () => {
  test('is the same on every machine', async () => {
    const entries = [...(await sampleFiles())].map(([path, bytes]) => {
      const builder = new FileDagBuilder()
      builder.write(bytes)
      return { path, file: builder.finish() }
    })
    const tree = await buildDirectoryTree(entries, () => undefined, new AbortController().signal)
    expect(tree.root.toString()).toBe(SAMPLE_CID)
  })

  test('is published as a sound layout under its name and tag', async () => {
    const target = memoryTarget()
    const { root, layouts } = await publishSample(target, new AbortController().signal)
    expect(root).toBe(SAMPLE_CID)
    expect(layouts.map(({ path, tags }) => `${path}:${tags[0]}`)).toEqual(['hello:1.0'])
    expect(target.pinned).toEqual([{ cid: SAMPLE_CID, label: 'sample' }])
  })

  test('holds each blob under its digest, and nothing dated', async () => {
    for (const [path, bytes] of await sampleFiles()) {
      const hex = /^hello\/blobs\/sha256\/(.*)$/.exec(path)?.[1]
      if (hex !== undefined) expect(createHash('sha256').update(bytes).digest('hex')).toBe(hex)
      expect(Buffer.from(bytes).toString('latin1')).not.toMatch(/20[0-9]{2}-/)
    }
  })

  test('has two platforms under one tag, each with an executable of a few hundred bytes', async () => {
    const files = await sampleFiles()
    const read = (path: string) => JSON.parse(Buffer.from(files.get(path)!).toString())
    const blob = (digest: string) => `hello/blobs/sha256/${digest.slice('sha256:'.length)}`
    const layout = read('hello/index.json')
    expect(read('hello/oci-layout')).toEqual({ imageLayoutVersion: '1.0.0' })
    expect(layout.manifests[0].annotations).toEqual({ 'org.opencontainers.image.ref.name': '1.0' })
    const index = read(blob(layout.manifests[0].digest))
    expect(index.manifests.map((entry: { platform: object }) => entry.platform)).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64', variant: 'v8' },
    ])
    for (const entry of index.manifests) {
      const manifest = read(blob(entry.digest))
      const config = read(blob(manifest.config.digest))
      expect(config.rootfs.diff_ids).toEqual([manifest.layers[0].digest])
      const layer = Buffer.from(files.get(blob(manifest.layers[0].digest))!)
      expect(layer.length).toBe(manifest.layers[0].size)
      expect(layer.subarray(0, 5).toString()).toBe('hello')
      expect(layer.subarray(100, 107).toString()).toBe('000755 ')
      expect(layer.subarray(512, 516).toString('latin1')).toBe('\x7fELF')
    }
  })

  const onLinux = linuxOnAmd64 ? test : test.skip
  onLinux('prints its greeting', async () => {
    expect(await outputOf(greetingElf('amd64', Buffer.from(SAMPLE_GREETING)))).toBe(SAMPLE_GREETING)
  })

  test('holds arm64 instructions that write the greeting and exit', () => {
    const message = Buffer.from(SAMPLE_GREETING)
    expect(runArm64(greetingElf('arm64', message))).toEqual({ written: SAMPLE_GREETING, status: 0 })
  })
})

/** Runs the three instructions that the program is made of, as the Arm Architecture Reference Manual has them. */
function runArm64(elf: Uint8Array): { written: string; status: number } {
  const image = Buffer.from(elf)
  const base = Number(image.readBigUInt64LE(80))
  const registers = new Array<number>(32).fill(-1)
  let written = ''
  for (let at = Number(image.readBigUInt64LE(24)); ; at += 4) {
    const instruction = image.readUInt32LE(at - base)
    const register = instruction & 31
    if (instruction >>> 23 === 0b110100101) {
      registers[register] = (instruction >>> 5) & 0xffff // movz
    } else if (((instruction >>> 24) & 0b10011111) === 0b00010000) {
      registers[register] = at + (((instruction >> 5) & 0x7ffff) << 2) + ((instruction >>> 29) & 3) // adr
    } else if (instruction === 0xd4000001) {
      const [first = -1, second = -1, third = -1] = registers
      if (registers[8] === 93) return { written, status: first }
      expect(registers[8]).toBe(64)
      expect(first).toBe(1)
      written += image.subarray(second - base, second - base + third).toString()
    } else {
      throw new Error(`unknown instruction ${instruction.toString(16)}`)
    }
  }
}
