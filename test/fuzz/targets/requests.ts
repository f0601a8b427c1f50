import { createHash } from 'node:crypto'
import { equal, ok } from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import bcrypt from '@node-rs/bcrypt'
import fc from 'fast-check'
import { importTree } from '../../fixtures/content-tree.ts'
import { inFolder, LayoutBuilder } from '../../fixtures/layouts.ts'
import { imageToPush, PushClient } from '../../fixtures/push-client.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../../fixtures/served-gateway.ts'
import { startTrustlessGateway } from '../../fixtures/trustless-gateway.ts'
import { answersIn, exchange, type WireAnswer } from '../http-conversation.ts'
import { changed } from '../inputs/bytes.ts'
import { requests as inputs, type Known, type WireRequest } from '../inputs/requests.ts'
import { law } from '../law.ts'
import type { Target } from '../target.ts'

/** What answers may have; anything else was put there by somebody else. */
const OURS = new Set([
  ...[
    'content-type',
    'content-length',
    'content-range',
    'accept-ranges',
    'content-disposition',
    'content-location',
  ],
  ...[
    'docker-distribution-api-version',
    'docker-content-digest',
    'docker-upload-uuid',
    'x-content-type-options',
    'x-request-id',
  ],
  ...[
    'etag',
    'cache-control',
    'x-ipfs-path',
    'x-ipfs-roots',
    'warning',
    'retry-after',
    'link',
    'location',
    'range',
    'allow',
  ],
  ...[
    'oci-chunk-min-length',
    'oci-subject',
    'oci-tag',
    'oci-filters-applied',
    'oci-namespace',
    'www-authenticate',
    'vary',
  ],
  ...[
    'date',
    'connection',
    'keep-alive',
    'transfer-encoding',
    'access-control-allow-origin',
    'x-frame-options',
    'age',
    'expires',
  ],
])
/** Headers that say how the connection goes on, or that there is a body. */
const OF_CONNECTION = /^(connection|upgrade|transfer-encoding|content-length|expect|te|host)$/i
const RULES = `
- {users: anonymous, repositories: ["public/**", "ipfs/**"], actions: pull}
- {users: [alice], repositories: ["**"], actions: [pull, push, delete]}
`

/** Requests at the sockets of two gateways, one open and one that asks for passwords. */
export const requests: Target = {
  name: 'requests',
  quick: 60,
  async open() {
    const layout = new LayoutBuilder()
    const image = layout.image()
    const { index } = layout.multiPlatform(['linux/amd64', 'linux/arm64'])
    layout.list(image, { ref: 'v1' }).list(index, { ref: 'v2' }).list(layout.artifact('text/x', image))
    const files = inFolder('app', layout.files())
    const tree = await importTree(Object.fromEntries(files))
    const source = await startTrustlessGateway(tree)
    const stores = [await storeFolder(), await storeFolder()] as const
    const htpasswd = join(stores[1].path, 'htpasswd')
    await writeFile(htpasswd, `alice:${await bcrypt.hash('wonder', 4)}\n`)
    await writeFile(`${htpasswd}.rules`, RULES)
    const flags = {
      source: ['embedded', `gateway=${source.url}`],
      upstream: ['none'],
      push: 'true',
      'push-to': 'embedded',
      delete: 'true',
      deny: ['/ipns/**'],
    }
    const open = await startServedGateway(join(stores[0].path, 'store'), flags)
    const guarded = await startServedGateway(join(stores[1].path, 'store'), {
      ...flags,
      auth: `htpasswd=${htpasswd}`,
      'auth-rules': `${htpasswd}.rules`,
    })
    const content = new Map([...files.values()].map((bytes) => [digestOf(bytes), bytes]))
    const alice = `Basic ${Buffer.from('alice:wonder').toString('base64')}`
    const pushed = imageToPush({ content: 'pushed' })
    for (const [digest, bytes] of [...pushed.blobs, [pushed.digest, pushed.bytes] as const])
      content.set(digest, bytes)
    for (const gateway of [open, guarded]) await push(gateway, pushed, alice)
    const known: Known = {
      names: [`ipfs/${tree.root.toString()}/app`, `ipfs/${tree.root.toString()}`, 'team/app', 'public/app'],
      references: ['v1', 'v2', 'latest', image.digest, index.digest, pushed.digest],
      digests: [...content.keys()],
      tokens: [alice],
    }
    const gateways = fc.constantFrom('open', 'guarded')
    const portOf = (which: string): number => (which === 'open' ? open : guarded).port
    const settle = (): void => {
      source.requests.length = 0
      for (const gateway of [open, guarded]) {
        for (const line of gateway.takeLog()) ok(!/"level":"error"|defect/.test(line), line)
      }
    }
    return {
      laws: [
        law(
          'requests get one sound answer each, in their order',
          fc.tuple(gateways, fc.array(inputs(known), { minLength: 1, maxLength: 12 })),
          async ([which, list]) => {
            const asked = list.map(wellFormed)
            const bytes = Buffer.concat(asked.map((request, at) => wire(request, at === asked.length - 1)))
            const answers = answersIn(
              await exchange(portOf(which), bytes, true),
              asked.map(({ method }) => method),
            )
            equal(answers.length, asked.length)
            for (const [at, answer] of answers.entries()) judge(answer, asked[at] as WireRequest, content)
            settle()
            return asked.length
          },
          { share: 3 },
        ),
        law(
          'whatever comes over a connection, the gateway answers or closes',
          fc.tuple(gateways, inputs(known)),
          async ([which, request]) => {
            const bytes = changed(wire(request, true), request.edits)
            const came = await exchange(portOf(which), bytes, false)
            // What a first line that is no longer known asks for can't be told from its answer.
            if (came.length > 0)
              ok(
                /^HTTP\/1\.1 (1\d\d|2\d\d|3\d\d|4\d\d|503|504|508|505) /.test(came.toString('latin1', 0, 20)),
                came.toString('latin1', 0, 300),
              )
            settle()
          },
        ),
      ],
      async close() {
        await Promise.all([open.stop(), guarded.stop(), source.close()])
        await Promise.all(stores.map((store) => store.remove()))
      },
    }
  },
}

async function push(
  gateway: ServedGateway,
  image: ReturnType<typeof imageToPush>,
  authorization: string,
): Promise<void> {
  for (const name of ['team/app', 'public/app']) {
    const client = new PushClient(gateway.port, name, { authorization })
    for (const [digest, bytes] of image.blobs) equal((await client.pushBlob(digest, bytes)).status, 201)
    equal((await client.putManifest('v1', image.bytes, image.mediaType)).status, 201)
  }
}

/** The request, as a client that knows HTTP would send it, and without a body: others wait behind it. */
function wellFormed({ method, target, headers }: WireRequest): WireRequest {
  const path = target.replace(/[^\x21-\x7e]/g, '%20')
  return {
    method: method === 'CONNECT' || method === 'get' || method === 'X' ? 'GET' : method,
    target: path.startsWith('/') ? path : `/${path}`,
    headers: headers
      .filter(([name]) => /^[A-Za-z-]+$/.test(name) && !OF_CONNECTION.test(name))
      .map(([name, value]) => [name, value.replace(/[^\x20-\x7e]/g, '?')] as const),
    body: new Uint8Array(),
    edits: [],
  }
}

function wire({ method, target, headers, body }: WireRequest, isLast: boolean): Uint8Array {
  const lines = [
    `${method} ${target} HTTP/1.1`,
    'Host: registry.test',
    ...headers.map(([name, value]) => `${name}: ${value}`),
    ...(body.length > 0 ? [`Content-Length: ${body.length}`] : []),
    ...(isLast ? ['Connection: close'] : []),
    '\r\n',
  ]
  return Uint8Array.from(Buffer.concat([Buffer.from(lines.join('\r\n')), body]))
}

function judge(
  { status, headers, body }: WireAnswer,
  { method, target }: WireRequest,
  content: ReadonlyMap<string, Uint8Array>,
): void {
  for (const name of headers.keys()) ok(OURS.has(name), `a header that is not ours: ${name}`)
  ok(status < 500 || status === 503 || status === 504, `${status}: ${body.toString().slice(0, 300)}`)
  if (status >= 400 && method !== 'HEAD') {
    const { errors } = JSON.parse(body.toString()) as { errors: { code: unknown; message: unknown }[] }
    ok(typeof errors[0]?.code === 'string' && typeof errors[0].message === 'string')
  }
  const digest = headers.get('docker-content-digest')
  if (method !== 'GET' || !target.startsWith('/v2/') || digest === undefined || status >= 300) return
  const whole = content.get(digest)
  if (whole === undefined) return void equal(digestOf(body), digest)
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(headers.get('content-range') ?? '') ?? []
  if (status === 200) ok(body.equals(whole), 'other bytes than those of the digest')
  else if (first !== undefined)
    ok(body.equals(whole.slice(Number(first), Number(last) + 1)), 'other bytes than those of the range')
}

function digestOf(bytes: Uint8Array): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`
}
