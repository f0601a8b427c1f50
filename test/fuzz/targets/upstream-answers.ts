import { createHash } from 'node:crypto'
import { equal, ok } from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import fc from 'fast-check'
import { isManifestType } from '../../../src/layout/media-type.ts'
import { isDigest, type Digest } from '../../../src/reference/digest.ts'
import { isTag } from '../../../src/reference/tag.ts'
import type { RegistryHost } from '../../../src/upstream/host.ts'
import { hostAt } from '../../fixtures/upstream-host.ts'
import { mutated } from '../inputs/bytes.ts'
import { anyJson, distorted } from '../inputs/json.ts'
import { bytesOf, manifestBytes } from '../inputs/layouts.ts'
import { hostile, textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import type { Target } from '../target.ts'
import { attemptLater, refused } from '../verdict.ts'

const hashOf = (bytes: Uint8Array): Digest => `sha256:${createHash('sha256').update(bytes).digest('hex')}`
const [manifest = new Uint8Array()] = manifestBytes
const digest = hashOf(manifest)

const body: fc.Arbitrary<Uint8Array> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...manifestBytes) },
  { weight: 1, arbitrary: mutated(fc.constant(manifest)) },
  {
    weight: 2,
    arbitrary: distorted(
      fc.constant({ name: 'a', tags: ['v1', 'v2', '-'], token: 'abc', expires_in: 5 }),
    ).map(bytesOf),
  },
  { weight: 1, arbitrary: anyJson.map(bytesOf) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(Buffer.from('<html>'), Buffer.alloc(0), Buffer.alloc(70_000, '[')),
  },
)
const headerValue = textOf(
  [
    'Bearer realm="http://127.0.0.1:PORT/token"',
    'Basic realm="x"',
    ',service="s"',
    'bytes 0-5/10',
    'bytes */5',
    digest,
    '</v2/a?n=5>; rel="next"',
    'http://127.0.0.1:PORT/x',
    'http://10.0.0.1/',
    '//',
    'ftp://x/',
    '120',
    'Wed, 21 Oct 2099 07:28:00 GMT',
    'text/html',
    'application/json',
    'application/vnd.oci.image.manifest.v1+json',
    'gzip',
    '"etag"',
  ],
  2,
).map((text) => text.replace(/[^\x20-\x7e]/g, '?'))
const headerName = fc.constantFrom(
  'Content-Type',
  'Docker-Content-Digest',
  'Location',
  'Link',
  'WWW-Authenticate',
  'Retry-After',
  'Content-Range',
  'Content-Encoding',
  'Via',
  'ETag',
  'Date',
  'OCI-Filters-Applied',
  'RateLimit-Remaining',
)
const status = fc.constantFrom(
  200,
  200,
  200,
  200,
  206,
  204,
  301,
  307,
  308,
  400,
  401,
  403,
  404,
  405,
  416,
  429,
  500,
  502,
  503,
  599,
  999,
)
const answer = fc.record(
  {
    status,
    headers: fc.array(fc.tuple(headerName, headerValue), { maxLength: 4 }),
    body,
    /** Added to the length that is announced; null: no length, until the end. */
    lie: fc.oneof(
      { weight: 8, arbitrary: fc.constant(0) },
      { weight: 1, arbitrary: fc.constantFrom(1, -1, null) },
    ),
  },
  { noNullPrototype: true },
)
type Answer = typeof answer extends fc.Arbitrary<infer T> ? T : never

const question = fc.constantFrom(
  'by tag',
  'by digest',
  'head',
  'blob',
  'range',
  'size',
  'location',
  'tags',
  'referrers',
)

/** What registries answer, and what stands in for them. */
export const upstreamAnswers: Target = {
  name: 'upstream-answers',
  quick: 60,
  async open() {
    let script: readonly Uint8Array[] = []
    let turn = 0
    const open = new Set<Socket>()
    const server = createServer((socket) => {
      open.add(socket)
      socket.on('error', () => undefined).on('close', () => open.delete(socket))
      let heard = ''
      socket.on('data', (data) => {
        heard += data.toString('latin1')
        // A question is over with its empty line; the form of a token request is short enough to come along.
        if (!heard.includes('\r\n\r\n')) return
        heard = ''
        socket.end(script[turn++ % Math.max(1, script.length)] ?? '')
      })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const say = (answers: readonly Uint8Array[]): RegistryHost => {
      script = answers
      turn = 0
      return hostAt(`http://127.0.0.1:${port}`, { answerTimeout: 5_000, stallTimeout: 5_000 }).host
    }
    return {
      laws: [
        law(
          'an answer is what was asked for, or a refusal',
          fc.tuple(question, fc.array(answer, { minLength: 1, maxLength: 3 })),
          async ([asked, answers]) => {
            const host = say(answers.map((one) => wire(one, port)))
            try {
              await judge(host, asked)
            } finally {
              await host.destroy()
            }
          },
        ),
        law(
          'what is no HTTP is a refusal',
          fc.tuple(
            question,
            fc.oneof(
              hostile.map((text) => Buffer.from(text)),
              mutated(answer.map((one) => wire(one, port))),
            ),
          ),
          async ([asked, bytes]) => {
            const host = say([bytes])
            try {
              await judge(host, asked)
            } finally {
              await host.destroy()
            }
          },
          { share: 0.5 },
        ),
      ],
      async close() {
        for (const socket of open) socket.destroy()
        server.close()
        await once(server, 'close')
      },
    }
  },
}

const NO = [
  'NAME_UNKNOWN',
  'MANIFEST_UNKNOWN',
  'BLOB_UNKNOWN',
  'UPSTREAM_DENIED',
  'UPSTREAM_LIMITED',
] as const
const NOT_NOW = [
  'CONTENT_UNAVAILABLE',
  'CONTENT_TIMEOUT',
  'CONTENT_INVALID',
  'CONTENT_TOO_LARGE',
  'LOOP_DETECTED',
] as const

/** What comes of one question is one of the refusals that are its contract, or what it says it is. */
async function judge(host: RegistryHost, asked: string): Promise<void> {
  const options = { signal: AbortSignal.timeout(20_000) }
  const answer = await attemptLater(() => askFor(host, asked, options), ...NO, ...NOT_NOW)
  if (refused(answer))
    ok(answer.retryAfter === undefined || (answer.retryAfter > 0 && answer.retryAfter <= 300))
}

async function askFor(host: RegistryHost, asked: string, options: { signal: AbortSignal }): Promise<void> {
  switch (asked) {
    case 'by tag':
    case 'by digest': {
      const found = await host.manifest('team/app', asked === 'by tag' ? 'v1' : digest, {
        ...options,
        limit: 50_000,
      })
      ok(found.bytes.length <= 50_000)
      if (found.digest.startsWith('sha256:')) equal(hashOf(found.bytes), found.digest)
      if (asked === 'by digest') equal(found.digest, digest)
      return void ok(isManifestType(found.mediaType))
    }
    case 'head': {
      const found = await host.headManifest('team/app', 'v1', options)
      return void ok(found.digest === undefined || isDigest(found.digest))
    }
    case 'blob':
    case 'range': {
      const range = asked === 'blob' ? undefined : { start: 2, end: 8 }
      const file = await host.openBlob('team/app', digest, { ...options, range })
      ok(Number.isSafeInteger(file.size) && file.size >= 0)
      let length = 0
      for await (const piece of file.body) length += piece.length
      return void equal(
        length,
        Math.max(0, Math.min(range?.end ?? file.size, file.size) - Math.min(range?.start ?? 0, file.size)),
      )
    }
    case 'size':
      return void ok(Number.isSafeInteger(await host.blobSize('team/app', digest, options)))
    case 'location': {
      const location = await host.blobLocation('team/app', digest, options)
      return void ok(location === undefined || /^https?:\/\/[\x21-\x7e]+$/.test(location))
    }
    case 'tags': {
      const page = await host.tags('team/app', new URLSearchParams(), options)
      ok(page.tags.every(isTag))
      return void ok(page.next === undefined || page.next.size > 0)
    }
    default: {
      const { referrers } = await host.referrers('team/app', digest, options)
      ok(referrers.every((one) => isDigest(one.digest)))
    }
  }
}

function wire({ status: code, headers, body: bytes, lie }: Answer, port: number): Uint8Array {
  const length = lie === null ? [] : [`Content-Length: ${Math.max(0, bytes.length + lie)}`]
  const lines = headers.map(([name, value]) => `${name}: ${value.replaceAll('PORT', String(port))}`)
  const head = [`HTTP/1.1 ${code} x`, ...lines, ...length, 'Connection: close', '', ''].join('\r\n')
  return Uint8Array.from(Buffer.concat([Buffer.from(head, 'latin1'), bytes]))
}
