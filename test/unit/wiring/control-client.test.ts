import { createServer } from 'node:http'
import { createServer as createRawServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout } from 'node:timers/promises'
import { expect, test } from '@jest/globals'
import { exportThrough } from '../../../src/wiring/control-client.ts'
import { controlSocket } from '../../../src/wiring/control-server.ts'
import { inTemporaryFolder } from '../../fixtures/folders.ts'

const REQUEST = { path: '/ipfs/cid/app', format: 'car' } as const
const SUMMARY = '{"summary":{"source":"/ipfs/cid/app"}}\n'

/** Export through a gateway that answers so, to a text. */
function exported(answer: string): Promise<string> {
  return inTemporaryFolder(async (folder) => {
    const server = createServer((_, res) => void res.end(answer))
    await new Promise<void>((resolve) => server.listen(controlSocket(folder), resolve))
    try {
      const { signal } = new AbortController()
      return await exportThrough(folder, REQUEST, signal, ({ body }) => text(body))
    } finally {
      server.close()
    }
  })
}

test('bytes up to the result are the whole', async () => {
  const answer = `${SUMMARY}{"bytes":4}\none {"bytes":3}\ntwo{"result":null}\n`
  expect(await exported(answer)).toBe('one two')
})

test.each([
  ['nothing', ''],
  ['a line of something else', '{"result":null}\n'],
  ['no bytes', SUMMARY],
  ['some bytes', `${SUMMARY}{"bytes":4}\non`],
  ['bytes but no result', `${SUMMARY}{"bytes":3}\none`],
])('an answer that ends after %s is a failure', async (_, answer) => {
  await expect(exported(answer)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('ended before'),
  })
})

test('a failure in the middle is that failure', async () => {
  const failure = '{"failure":{"code":"CONTENT_INVALID","message":"damaged","detail":{"digest":"d"}}}\n'
  await expect(exported(`${SUMMARY}{"bytes":3}\none${failure}`)).rejects.toMatchObject({
    code: 'CONTENT_INVALID',
    message: 'damaged',
    detail: { digest: 'd' },
  })
})

test('an export is whole, though the gateway is gone before a slow reader has taken it', async () => {
  const size = 256 * 1024
  const bytes = Buffer.alloc(size, 'a')
  const head = 'HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n'
  await inTemporaryFolder(async (folder) => {
    const server = createRawServer((socket) => {
      socket.once('data', () => {
        socket.write(`${head}${SUMMARY}{"bytes":${size}}\n`)
        socket.write(bytes)
        socket.end('{"result":null}\n')
      })
    })
    await new Promise<void>((resolve) => server.listen(controlSocket(folder), resolve))
    try {
      const { signal } = new AbortController()
      const got = await exportThrough(folder, REQUEST, signal, async ({ body }) => {
        const pieces: Uint8Array[] = []
        for await (const piece of body) {
          pieces.push(piece)
          // Whatever comes meanwhile, the end of the connection too, meets an answer that is paused.
          await setTimeout(20)
        }
        return Buffer.concat(pieces)
      })
      expect(got.equals(bytes)).toBe(true)
    } finally {
      server.close()
    }
  })
})
