import type { RequestListener, ServerResponse } from 'node:http'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { ListeningServer } from '../../src/http/server.ts'
import { makeCertificate } from '../fixtures/certificate.ts'
import { openSocket, wireRequest } from '../fixtures/raw-socket.ts'

/** ms; far longer than a test may take, so that nothing passes by waiting for it. */
const LONG = 600_000

let server: ListeningServer | undefined
/** Answers to `/slow`, which have begun, and to `/late`, which have not; they wait for their end. */
let slow: ServerResponse[]

const handler: RequestListener = (req, res) => {
  if (req.url === '/slow') {
    res.setHeader('Content-Length', 20)
    res.write('0123456789')
  }
  if (req.url === '/slow' || req.url === '/late') slow.push(res)
  else res.end('quick')
}

async function listen(tls?: { cert: string; key: string }, errors: unknown[] = []): Promise<number> {
  server = await ListeningServer.listen(handler, {
    host: '127.0.0.1',
    port: 0,
    tls,
    onTlsError: (error) => void errors.push(error),
    tlsCheckInterval: 50,
  })
  return server.port
}

beforeEach(() => {
  slow = []
})

afterEach(async () => {
  await server?.close(0)
  server = undefined
})

describe('what is no request', () => {
  test('is answered in JSON', async () => {
    const raw = await openSocket(await listen())
    raw.send('this is no HTTP\r\n\r\n')
    const text = await raw.ended()
    expect(text).toMatch(/^HTTP\/1\.1 400 [^]*application\/json[^]*\{"errors":/)
  })

  test('never gets into the answer that is under way', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/slow'))
    await raw.until(/0123456789$/)
    raw.send('this is no HTTP\r\n\r\n')
    expect(await raw.ended()).toMatch(/\r\n\r\n0123456789$/)
  })

  test('a request of HTTP/1.1 without Host is refused in JSON', async () => {
    const raw = await openSocket(await listen())
    raw.send('GET / HTTP/1.1\r\n\r\n')
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 400 [^]*application\/json[^]*\{"errors":/)
    const old = await openSocket(server?.port ?? 0)
    old.send('GET / HTTP/1.0\r\n\r\n')
    expect(await old.ended()).toMatch(/^HTTP\/1\.1 200 [^]*quick$/)
  })
})

describe('expectations', () => {
  test('nobody is told to go on with a body that will not be read', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/', { Expect: '100-continue', 'Content-Length': '5' }, 'PUT'))
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*quick$/)
  })

  test('others are ignored', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/', { Expect: 'the-impossible', Connection: 'close' }))
    expect(await raw.ended()).toMatch(/^HTTP\/1\.1 200 [^]*quick$/)
  })
})

describe('closing', () => {
  test('waits for no connection that asks for nothing', async () => {
    const port = await listen()
    const silent = await openSocket(port)
    const half = await openSocket(port)
    half.send('GET / HTTP/1.1\r\nHo')
    const idle = await openSocket(port)
    idle.send(wireRequest('/'))
    await idle.until(/quick$/)
    await server?.close(LONG)
    await Promise.all([silent, half, idle].map((raw) => raw.ended()))
  })

  test('lets answers end, and then their connections', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/slow'))
    await raw.until(/0123456789$/)
    const closed = server?.close(LONG)
    slow[0]?.end('0123456789')
    expect(await raw.ended()).toMatch(/\r\n\r\n01234567890123456789$/)
    await closed
  })

  test('tells with an answer that it is the last', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/slow') + wireRequest('/late'))
    await raw.until(/0123456789$/)
    const closed = server?.close(LONG)
    slow[0]?.end('0123456789')
    slow[1]?.end('late')
    expect(await raw.ended()).toMatch(/\d{20}HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*late$/)
    await closed
  })

  test('answers what was asked behind one that is under way', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/slow') + wireRequest('/'))
    await raw.until(/0123456789$/)
    const closed = server?.close(LONG)
    slow[0]?.end('0123456789')
    expect(await raw.ended()).toMatch(/01234567890123456789HTTP\/1\.1 200 [^]*quick$/)
    await closed
  })

  test('cuts what takes longer than the grace', async () => {
    const raw = await openSocket(await listen())
    raw.send(wireRequest('/slow'))
    await raw.until(/0123456789$/)
    await server?.close(50)
    expect(await raw.ended()).toMatch(/\r\n\r\n0123456789$/)
  })
})

describe('TLS', () => {
  let folder: string
  const one = makeCertificate('one.example')
  const two = makeCertificate('two.example')

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'server-tls-'))
  })

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true })
  })

  async function put(into: string, pair: { cert: string; key: string }): Promise<void> {
    await mkdir(into, { recursive: true })
    for (const kind of ['cert', 'key'] as const) {
      await writeFile(join(into, `${kind}.new`), pair[kind])
      await rename(join(into, `${kind}.new`), join(into, `${kind}.pem`))
    }
  }

  function shown(port: number): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN))
        socket.destroy()
      })
      socket.on('error', reject)
    })
  }

  async function untilShown(port: number, name: string): Promise<void> {
    while ((await shown(port)) !== name);
  }

  const pairIn = (at: string) => ({ cert: join(at, 'cert.pem'), key: join(at, 'key.pem') })

  test('a certificate that was replaced is used from then on', async () => {
    await put(folder, one)
    const port = await listen(pairIn(folder))
    expect(await shown(port)).toBe('one.example')
    await put(folder, two)
    await untilShown(port, 'two.example')
  })

  test.each(['the files', 'the folder'])(
    'also behind links, where %s they lead to are others',
    async (what) => {
      const real = join(folder, 'real')
      const linked = join(folder, 'linked')
      await put(join(real, 'one'), one)
      await put(join(real, 'two'), two)
      await mkdir(linked)
      await symlink(join(real, 'one'), join(real, 'now'))
      for (const kind of ['cert', 'key'])
        await symlink(join(real, 'now', `${kind}.pem`), join(linked, `${kind}.pem`))
      const port = await listen(pairIn(linked))
      expect(await shown(port)).toBe('one.example')
      if (what === 'a file') await put(join(real, 'one'), two)
      else {
        await symlink(join(real, 'two'), join(real, 'next'))
        await rename(join(real, 'next'), join(real, 'now'))
      }
      await untilShown(port, 'two.example')
    },
  )

  test('a pair that can not be used is reported, and the old one stays', async () => {
    await put(folder, one)
    const errors: unknown[] = []
    const port = await listen(pairIn(folder), errors)
    await writeFile(join(folder, 'key.pem'), two.key)
    while (errors.length === 0) expect(await shown(port)).toBe('one.example')
    expect(errors[0]).toMatchObject({ code: 'SETTINGS_INVALID' })
    expect(await shown(port)).toBe('one.example')
  })

  test('what is under way ends when the server closes, and idle connections at once', async () => {
    await put(folder, one)
    const port = await listen(pairIn(folder))
    const open = async (path: string) => {
      const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
      let text = ''
      socket.on('data', (data) => {
        text += data.toString('latin1')
      })
      socket.on('error', () => undefined)
      const end = new Promise<string>((resolve) => socket.once('close', () => resolve(text)))
      socket.write(wireRequest(path))
      while (!/(9|quick)$/.test(text)) await new Promise((resolve) => socket.once('data', resolve))
      return { end }
    }
    const idle = await open('/')
    const busy = await open('/slow')
    const closed = server?.close(LONG)
    await idle.end
    slow[0]?.end('0123456789')
    expect(await busy.end).toMatch(/01234567890123456789$/)
    await closed
  })
})
