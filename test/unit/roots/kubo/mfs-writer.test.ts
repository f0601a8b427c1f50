import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Agent } from 'undici'
import { Failure } from '../../../../src/errors.ts'
import type { MfsReader } from '../../../../src/roots/kubo/mfs.ts'
import { MfsChange, MfsWriter } from '../../../../src/roots/kubo/mfs-writer.ts'
import { until } from '../../../fixtures/blob-store.ts'

const FILE = CID.parse('bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku')
const { signal } = new AbortController()
const dispatcher = new Agent()
let server: Server | undefined

afterEach(async () => {
  server?.closeAllConnections()
  server?.close()
  await dispatcher.close().catch(() => undefined)
})

type Answer = { readonly status: number; readonly body: string } | 'never'

/** A Kubo whose commands are answered as told; each command that came. */
async function kuboThat(answer: (command: string, count: number) => Answer | Promise<Answer>) {
  const commands: string[] = []
  server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', 'http://kubo')
    const command = pathname.slice('/api/v0/'.length)
    commands.push(command)
    // An `add` that is broken off has begun to answer.
    if (command === 'add') return void response.write('{"Name":"hold","Hash":"x"}\n')
    request.resume()
    const count = commands.filter((one) => one === command).length
    void Promise.resolve(answer(command, count)).then((said) => {
      if (said === 'never') return
      response.writeHead(said.status).end(said.body)
    })
  })
  await new Promise<void>((listening) => server?.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  return { kubo: { baseUrl: `http://127.0.0.1:${port}`, dispatcher: new Agent() }, commands }
}

const done: Answer = { status: 200, body: '' }
const failed = (message: string): Answer => ({
  status: 500,
  body: JSON.stringify({ Message: message, Code: 0, Type: 'error' }),
})

const FORGOTTEN = 'cp: cannot flush the created file /up/0: file does not exist'

test('an entry that Kubo forgets while it makes it is made again', async () => {
  const { kubo, commands } = await kuboThat((_command, count) => (count < 3 ? failed(FORGOTTEN) : done))
  expect(await new MfsChange(kubo, signal).link(FILE, '/up/0')).toBe(true)
  expect(commands).toEqual(['files/cp', 'files/cp', 'files/cp'])
})

test('one that Kubo forgets each time is told in the end', async () => {
  const { kubo } = await kuboThat(() => failed(FORGOTTEN))
  const linking = new MfsChange(kubo, signal).link(FILE, '/up/0')
  // Not that the folder is not there, which would end an upload.
  await expect(linking).rejects.toMatchObject({
    code: 'CONTENT_UNAVAILABLE',
    message: expect.not.stringContaining('does not exist') as unknown,
  })
})

test('an entry whose folder could not be flushed as well is made', async () => {
  const message = "cp: cannot flush the created file's parent folder /up/0: file does not exist"
  const { kubo, commands } = await kuboThat(() => failed(message))
  expect(await new MfsChange(kubo, signal).link(FILE, '/up/0')).toBe(true)
  expect(commands).toHaveLength(1)
})

test('a folder that is not there is not made by trying again', async () => {
  const { kubo, commands } = await kuboThat(() =>
    failed('cp: cannot put node in path /up/0: file does not exist'),
  )
  await expect(new MfsChange(kubo, signal).link(FILE, '/up/0')).rejects.toBeInstanceOf(Failure)
  expect(commands).toHaveLength(1)
})

test('changes are made one after the other; who gives up waiting is let go, and lets nobody overtake', async () => {
  const { kubo } = await kuboThat(() => done)
  const writer = new MfsWriter(kubo, {} as MfsReader)
  const order: string[] = []
  let end: () => void = () => undefined
  let begun: () => void = () => undefined
  const first = new Promise<void>((resolve) => (begun = resolve))
  const slow = writer.change(signal, async () => {
    begun()
    await new Promise<void>((resolve) => (end = resolve))
    order.push('slow')
  })
  await first
  const leaving = new AbortController()
  const left = writer.change(leaving.signal, async () => void order.push('left'))
  const next = writer.change(signal, async () => void order.push('next'))
  leaving.abort(new Failure('CONTENT_TIMEOUT', 'gone'))
  await expect(left).rejects.toMatchObject({ code: 'CONTENT_TIMEOUT' })
  expect(order).toEqual([])
  end()
  await Promise.all([slow, next])
  expect(order).toEqual(['slow', 'next'])
})

test('what was changed is written down once more when it is over', async () => {
  const { kubo, commands } = await kuboThat(() => done)
  const writer = new MfsWriter(kubo, {} as MfsReader, 1)
  await writer.change(signal, (change) => change.link(FILE, '/up/0'))
  await until(() => commands.includes('files/flush'))
  expect(commands.filter((command) => command.startsWith('files/'))).toEqual([
    'files/cp',
    'files/stat',
    'files/mkdir',
    'files/flush',
  ])
})
