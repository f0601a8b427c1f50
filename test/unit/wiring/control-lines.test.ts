import { expect, test } from '@jest/globals'
import { readLines, type Line } from '../../../src/wiring/control-lines.ts'

async function* inChunks(bytes: Buffer, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

/** The lines, pieces that follow one another put together. */
async function read(bytes: Buffer, size: number): Promise<unknown[]> {
  const lines: (Line | string)[] = []
  for await (const line of readLines(inChunks(bytes, size))) {
    if (line.piece === undefined) lines.push(line)
    else {
      const before = lines.at(-1)
      const text = Buffer.from(line.piece).toString('latin1')
      if (typeof before === 'string') lines[lines.length - 1] = before + text
      else lines.push(text)
    }
  }
  return lines
}

test.each([1, 2, 3, 7, 1000])(
  'lines and bytes are told apart, however they come: %d at a time',
  async (size) => {
    const bytes = Buffer.concat([
      Buffer.from('{"summary":{"source":"/ipfs/ä","size":7}}\n{"bytes":5}\n'),
      // What looks like a line is none.
      Buffer.from('{}\n\n\x00', 'latin1'),
      Buffer.from('{"bytes":2}\n\n\n{"result":null}\n'),
    ])
    expect(await read(bytes, size)).toEqual([
      { summary: { source: '/ipfs/ä', size: 7 } },
      '{}\n\n\x00\n\n',
      { result: null },
    ])
  },
)

test('what is cut gives what came before', async () => {
  expect(await read(Buffer.from('{"bytes":5}\nab'), 3)).toEqual(['ab'])
  expect(await read(Buffer.from('{"progress":{}}\n{"result":'), 100)).toEqual([{ progress: {} }])
})
