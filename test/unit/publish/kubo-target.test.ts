import { once } from 'node:events'
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, afterEach, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { Agent } from 'undici'
import { FileDagBuilder } from '../../../src/content/unixfs/file-dag.ts'
import { buildDirectoryTree } from '../../../src/publish/directory-tree.ts'
import { createKuboTarget } from '../../../src/publish/kubo/kubo-target.ts'
import type { Block, FileToAdd } from '../../../src/publish/target.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'

const MIB = 1024 * 1024
const never = new AbortController().signal
const dispatcher = new Agent()
const servers: Server[] = []

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})
afterAll(() => dispatcher.close())

type Reply = (command: URL, request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** A target for a server that answers as told. */
async function targetFor(reply: Reply, options: { prefix?: string } = {}) {
  const server = createServer((request, response) => {
    const command = new URL(request.url ?? '', 'http://kubo')
    Promise.resolve(reply(command, request, response)).catch((error: Error) => response.destroy(error))
  })
  servers.push(server)
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  const baseUrl = `http://127.0.0.1:${port}${options.prefix ?? ''}`
  return createKuboTarget({ baseUrl, dispatcher, headers: { authorization: 'Bearer token' } })
}

/** Answers every command as Kubo would. */
function kubo(seen: { command: URL; request: IncomingMessage; parts: Buffer[] }[]): Reply {
  return async (command, request, response) => {
    const parts = partsOf(request, await bodyOf(request))
    seen.push({ command, request, parts })
    if (command.pathname.endsWith('/add') && parts.length === 1) {
      response.end(`${JSON.stringify({ Name: 'x', Hash: cidOf(parts[0]!), Size: '1' })}\n`)
    } else if (command.pathname.endsWith('/block/put')) {
      for (const part of parts)
        response.write(`${JSON.stringify({ Key: blockCid(part), Size: part.length })}\n`)
      response.end()
    } else {
      response.write('{"Progress":1}\n')
      response.end(`{"Pins":["${command.searchParams.get('arg')}"],"Progress":2}\n`)
    }
  }
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  return Buffer.concat(pieces)
}

/** Split a multipart body (RFC 7578). */
function partsOf(request: IncomingMessage, body: Buffer): Buffer[] {
  const boundary = /boundary=(.+)$/.exec(request.headers['content-type'] ?? '')?.[1]
  if (boundary === undefined) return []
  const text = body.toString('latin1')
  expect(text.endsWith(`\r\n--${boundary}--\r\n`)).toBe(true)
  const parts = `\r\n${text}`.split(`\r\n--${boundary}`).slice(1, -1)
  return parts.map((part) => {
    const end = part.indexOf('\r\n\r\n')
    expect(part.slice(0, end)).toMatch(
      /^\r\nContent-Disposition: form-data; name="file"; filename="\d+"\r\nContent-Type: application\/octet-stream$/,
    )
    return Buffer.from(part.slice(end + 4), 'latin1')
  })
}

function cidOf(bytes: Uint8Array): string {
  const builder = new FileDagBuilder()
  builder.write(bytes)
  return builder.finish().cid.toString()
}

let known: Block[] = []
function blockCid(bytes: Uint8Array): string {
  return known.find((block) => Buffer.compare(block.bytes, bytes) === 0)?.cid.toString() ?? 'unknown'
}

function fileOf(bytes: Uint8Array, change: Partial<FileToAdd> = {}): FileToAdd {
  return {
    size: bytes.length,
    digest: digestOfBytes(bytes),
    open: async function* () {
      for (let at = 0; at < bytes.length; at += MIB) yield bytes.subarray(at, at + MIB)
    },
    ...change,
  }
}

async function blocksOfFolder(): Promise<{ root: CID; blocks: Block[] }> {
  const blocks: Block[] = []
  const empty = [{ path: 'a/b' }, { path: 'c' }]
  const { root } = await buildDirectoryTree(empty, (block) => void blocks.push(block), never)
  return { root, blocks }
}

describe('a file', () => {
  test.each([0, 10, 3 * MIB + 1])('of %i bytes goes to `add` with every parameter said', async (size) => {
    const seen: { command: URL; request: IncomingMessage; parts: Buffer[] }[] = []
    const target = await targetFor(kubo(seen))
    const bytes = Buffer.alloc(size, 'content')
    let count = 0
    const added = await target.addFile(fileOf(bytes), { signal: never, onBytes: (more) => (count += more) })
    expect(added.cid.toString()).toBe(cidOf(bytes))
    expect(added.size).toBe(size)
    expect(count).toBe(size)
    const [{ command, request, parts }] = seen as [(typeof seen)[0]]
    expect(request.method).toBe('POST')
    expect(request.headers.authorization).toBe('Bearer token')
    expect(request.headers['transfer-encoding']).toBeUndefined()
    expect(command.pathname).toBe('/api/v0/add')
    expect(Object.fromEntries(command.searchParams)).toMatchObject({
      'cid-version': '1',
      hash: 'sha2-256',
      'raw-leaves': 'true',
      chunker: 'size-1048576',
      'max-file-links': '1024',
      pin: 'false',
      'wrap-with-directory': 'false',
    })
    expect(parts).toHaveLength(1)
    expect(Buffer.compare(parts[0]!, bytes)).toBe(0)
  })

  test('goes below the path of the address', async () => {
    const seen: { command: URL; request: IncomingMessage; parts: Buffer[] }[] = []
    const target = await targetFor(kubo(seen), { prefix: '/node/1/' })
    await target.addFile(fileOf(Buffer.from('x')), { signal: never })
    expect(seen[0]!.command.pathname).toBe('/node/1/api/v0/add')
  })

  test('is read no faster than Kubo takes it', async () => {
    const total = 128
    let read = 0
    let stalled: () => void = () => undefined
    const reading = new Promise<void>((resolve) => (stalled = resolve))
    const piece = Buffer.alloc(MIB)
    const target = await targetFor(async (_command, request, response) => {
      await reading
      await once(request.resume(), 'end')
      const builder = new FileDagBuilder()
      for (let at = 0; at < total; at++) builder.write(piece)
      response.end(JSON.stringify({ Hash: builder.finish().cid.toString() }))
    })
    const adding = target.addFile(
      {
        size: total * MIB,
        digest: undefined,
        open: async function* () {
          for (; read < total; read++) yield piece
        },
      },
      { signal: never },
    )
    // nothing is taken: what is read in a hundred turns of the event loop fits the buffers of the sockets
    for (let turn = 0, before = -1; turn < 100 || before !== read; turn++) {
      before = read
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    expect(read).toBeLessThan(total / 2)
    stalled()
    await adding
    expect(read).toBe(total)
  })

  test.each<[string, Partial<FileToAdd>, RegExp]>([
    ['of another digest', { digest: digestOfBytes(Buffer.from('other')) }, /^sha256:\w+ changed while/],
    ['that shrank', { size: 11 }, /shrank while it was read/],
    ['that grew', { size: 9 }, /grew while it was read/],
  ])('%s is refused, and never sent to its end', async (_what, change, message) => {
    let complete = false
    const target = await targetFor(async (_command, request, response) => {
      await bodyOf(request)
      complete = true
      response.end('{"Hash":"x"}')
    })
    const adding = target.addFile(fileOf(Buffer.from('ten bytes.'), change), { signal: never })
    await expect(adding).rejects.toThrow(message)
    await expect(adding).rejects.toMatchObject({ code: 'LAYOUT_INVALID' })
    expect(complete).toBe(false)
  })

  test('that Kubo makes another DAG of is not taken', async () => {
    const target = await targetFor(async (_command, request, response) => {
      await bodyOf(request)
      response.end('{"Hash":"bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"}')
    })
    const adding = target.addFile(fileOf(Buffer.from('x')), { signal: never })
    await expect(adding).rejects.toThrow(/Kubo made bafkreihdw\w+ of a file that is .*max-file-links/)
  })

  test('is let go when nobody wants it any more', async () => {
    const controller = new AbortController()
    const target = await targetFor(() => controller.abort(new Error('interrupted')))
    const adding = target.addFile(fileOf(Buffer.from('x')), { signal: controller.signal })
    await expect(adding).rejects.toThrow('interrupted')
  })
})

describe('folders', () => {
  test('go as blocks, all in one request', async () => {
    const seen: { command: URL; request: IncomingMessage; parts: Buffer[] }[] = []
    const target = await targetFor(kubo(seen))
    const { blocks } = await blocksOfFolder()
    known = blocks
    await target.putBlocks(blocks, { signal: never })
    await target.putBlocks([], { signal: never })
    expect(seen).toHaveLength(1)
    expect(seen[0]!.command.pathname).toBe('/api/v0/block/put')
    expect(Object.fromEntries(seen[0]!.command.searchParams)).toMatchObject({
      'cid-codec': 'dag-pb',
      mhtype: 'sha2-256',
      pin: 'false',
    })
    expect(seen[0]!.parts.map((part) => part.toString('hex'))).toEqual(
      blocks.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
    )
  })

  test('that Kubo stores as something else are noticed', async () => {
    const target = await targetFor(kubo([]))
    known = []
    const { blocks } = await blocksOfFolder()
    await expect(target.putBlocks(blocks, { signal: never })).rejects.toThrow(/did not store the block baf/)
  })
})

describe('the root', () => {
  const root = CID.parse('bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354')
  const pinning = async (reply: Reply) =>
    (await targetFor(reply)).pin(root, { label: 'alpine', signal: never })

  test('is pinned with all below it, from what the node holds', async () => {
    const seen: { command: URL; request: IncomingMessage; parts: Buffer[] }[] = []
    await pinning(kubo(seen))
    expect(seen[0]!.command.pathname).toBe('/api/v0/pin/add')
    expect(Object.fromEntries(seen[0]!.command.searchParams)).toMatchObject({
      arg: root.toString(),
      recursive: 'true',
      offline: 'true',
      name: 'alpine',
    })
  })

  test('can’t be pinned when blocks were collected meanwhile', async () => {
    const message = 'pin: block was not found locally (offline): ipld: could not find bafkrei'
    const reply: Reply = (_command, _request, response) => {
      response.statusCode = 500
      response.end(JSON.stringify({ Message: message, Code: 0, Type: 'error' }))
    }
    await expect(pinning(reply)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
    const later: Reply = (_command, _request, response) => {
      response.write('{"Progress":1}\n')
      response.end(JSON.stringify({ Message: message, Code: 0, Type: 'error' }))
    }
    await expect(pinning(later)).rejects.toMatchObject({ code: 'CONTENT_NOT_FOUND' })
  })

  test.each<[string, Reply, RegExp]>([
    ['says nothing', (_c, _q, response) => void response.end(), /did not say that baf\w+ is pinned/],
    [
      'fails',
      (_c, _q, response) =>
        void response.writeHead(500).end('{"Message":"disk full","Code":0,"Type":"error"}'),
      /Kubo could not do it: disk full/,
    ],
    [
      'wants a login',
      (_c, _q, response) => void response.writeHead(403).end('no'),
      /does not let us in \(403\)/,
    ],
    [
      'is none',
      (_c, _q, response) => void response.writeHead(404).end('<html>'),
      /is not the RPC API of a Kubo node/,
    ],
    ['breaks off', (_c, _q, response) => void response.destroy(), /does not answer at http.*, or broke off/],
    ['sends no JSON', (_c, _q, response) => void response.end('hello\n'), /what came is no JSON: hello/],
    [
      'fails at the end',
      (_c, _q, response) => {
        response.writeHead(200, { trailer: 'X-Stream-Error' })
        response.write(`{"Pins":["${root.toString()}"]}\n`)
        response.addTrailers({ 'X-Stream-Error': 'disk full' })
        response.end()
      },
      /Kubo could not do it: disk full/,
    ],
  ])('is not pinned when what answers %s', async (_what, reply, message) => {
    const refused = pinning(reply)
    await expect(refused).rejects.toThrow(message)
    await expect(refused).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })

  test('is not pinned when nothing answers', async () => {
    const target = await targetFor(() => undefined)
    const [server] = servers.splice(0)
    await new Promise((closed) => server!.close(closed))
    const refused = target.pin(root, { label: 'x', signal: never })
    await expect(refused).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
  })
})
