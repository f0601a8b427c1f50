import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import bcrypt from '@node-rs/bcrypt'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import type { Collected, RootReport } from '../../src/cli/root-reports.ts'
import type { Flags } from '../../src/config/load.ts'
import { createProgram } from '../../src/wiring.ts'
import { commandLine } from '../fixtures/command-line.ts'
import { importTree, patternBytes } from '../fixtures/content-tree.ts'
import { digestOfBytes, LayoutBuilder } from '../fixtures/layouts.ts'
import { imageToPush, PushClient, type ImageToPush } from '../fixtures/push-client.ts'
import { ask, errorOf, type RawAnswer } from '../fixtures/raw-request.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'
import { startTrustlessGateway, type TrustlessGateway } from '../fixtures/trustless-gateway.ts'

const RULES = `
- users: anonymous
  repositories: ["public/**", "ipfs/**"]
  actions: pull
- users: [alice]
  repositories: ["**"]
  actions: [pull, push, delete]
- users: [bob]
  repositories: ["public/**", "mine/**"]
  actions: [pull, push]
`
const ALICE = { authorization: `Basic ${Buffer.from('alice:wonder').toString('base64')}` }
const BOB = { authorization: `Basic ${Buffer.from('bob:builder').toString('base64')}` }
const LAYER = patternBytes(1_500_000, 3)

let store: Awaited<ReturnType<typeof storeFolder>>
let ipfs: TrustlessGateway
let gateway: ServedGateway | undefined

beforeEach(async () => {
  store = await storeFolder()
  ipfs = await startTrustlessGateway()
  const lines = [`alice:${await bcrypt.hash('wonder', 4)}`, `bob:${await bcrypt.hash('builder', 4)}`]
  await writeFile(file('htpasswd'), lines.join('\n'))
  await writeFile(file('rules.yaml'), RULES)
  await start()
})

afterEach(async () => {
  await stop()
  await ipfs.close()
  await store.remove()
})

function file(name: string): string {
  return join(store.path, name)
}

async function start(flags: Flags = {}): Promise<void> {
  gateway = await startServedGateway(file('store'), {
    source: ['embedded', `gateway=${ipfs.url}`],
    push: 'true',
    'push-to': 'embedded',
    delete: 'true',
    upstream: ['none'],
    auth: `htpasswd=${file('htpasswd')}`,
    'auth-rules': file('rules.yaml'),
    ...flags,
  })
}

async function stop(): Promise<void> {
  await gateway?.stop()
  gateway = undefined
}

function port(): number {
  return gateway?.port ?? 0
}

function client(name: string, headers: Record<string, string> = ALICE): PushClient {
  return new PushClient(port(), name, headers)
}

async function push({ blobs, bytes, mediaType }: ImageToPush, name: string): Promise<RawAnswer> {
  const pushing = client(name)
  for (const [digest, blob] of blobs) expect((await pushing.pushBlob(digest, blob)).status).toBe(201)
  const answer = await pushing.putManifest('v1', bytes, mediaType)
  expect(answer.status).toBe(201)
  return answer
}

/** For somebody who has not said who they are. */
async function tokenFor(name: string): Promise<Record<string, string>> {
  const answer = await ask(port(), `/v2/token?scope=${encodeURIComponent(`repository:${name}:pull`)}`)
  return { authorization: `Bearer ${(JSON.parse(answer.body.toString()) as { token: string }).token}` }
}

async function json<T>(...argv: string[]): Promise<T> {
  const settings = ['--store', file('store'), '--source', 'embedded', '--json']
  const { code, stdout, stderr } = await commandLine({
    argv: [...argv, ...settings],
    program: createProgram(),
  })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as T
}

async function rootNamed(name: string): Promise<RootReport> {
  const found = (await json<RootReport[]>('roots')).find(({ root }) => root === name)
  if (found === undefined) throw new Error(`no root ${name}`)
  return found
}

/** The blocks that an image is made of wherever it is pushed to, and the folders of a root that has it alone. */
async function blocksOf(image: ImageToPush, name: string): Promise<readonly CID[]> {
  const files = new Map([...image.blobs, [image.digest, image.bytes] as const])
  const tree = Object.fromEntries(
    [...files].map(([digest, bytes]) => [`${name}/blobs/${digest.replace(':', '/')}`, bytes]),
  )
  const { blocks } = await importTree(tree)
  return [...blocks.keys()].map((text) => CID.parse(text))
}

const secret = imageToPush({ content: 'secret', layers: [LAYER] })
const open = imageToPush({ content: 'open' })

describe('a private repository beside a public one', () => {
  beforeEach(async () => {
    await push(open, 'public/app')
  })

  test('gives those who may what was pushed, and says nothing of where it is', async () => {
    const pushed = await push(secret, 'team/app')
    const answers: RawAnswer[] = [pushed]
    for (const path of [
      'manifests/v1',
      `manifests/${secret.digest}`,
      'tags/list',
      `referrers/${secret.digest}`,
      ...[...secret.blobs.keys()].map((digest) => `blobs/${digest}`),
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const answer = await client('team/app').send(method, path)
        expect([path, method, answer.status]).toEqual([path, method, 200])
        expect(answer.headers['cache-control']).toMatch(/^private, /)
        answers.push(answer)
      }
    }
    for (const { headers } of answers) {
      expect(Object.keys(headers).filter((name) => name.startsWith('x-ipfs'))).toEqual([])
    }
    const layer = [...secret.blobs.keys()].at(-1) ?? ''
    const whole = await client('team/app').send('GET', `blobs/${layer}`)
    expect(whole.body.equals(secret.blobs.get(layer) ?? Buffer.alloc(0))).toBe(true)
    const part = await client('team/app').send('GET', `blobs/${layer}`, { headers: { range: 'bytes=3-9' } })
    expect([part.status, part.body]).toEqual([206, Buffer.from((secret.blobs.get(layer) ?? []).slice(3, 10))])
  })

  test('a failure says nothing of where the private one is', async () => {
    await push(secret, 'team/app')
    const [digest = ''] = open.blobs.keys()
    for (const path of [
      `blobs/${digest}`,
      `manifests/${open.digest}`,
      'manifests/v2',
      `manifests/${digest}`,
    ]) {
      const answer = await client('team/app').send('GET', path)
      expect([path, answer.status]).toEqual([path, 404])
      expect(answer.body.toString()).not.toContain('/ipfs/')
    }
  })

  test('what has been sent to the public one is told to whoever asks whether to send it', async () => {
    for (const digest of open.blobs.keys()) {
      const answer = await client('public/app').send('HEAD', `blobs/${digest}`)
      expect([digest, answer.status]).toEqual([digest, 200])
    }
    const sent = await client('public/new').pushBlob(digestOfBytes(LAYER), LAYER)
    expect(sent.status).toBe(201)
    expect((await client('public/new').send('HEAD', `blobs/${digestOfBytes(LAYER)}`)).status).toBe(200)
  })

  test('the public one is for everybody, with its path', async () => {
    const answer = await client('public/app', await tokenFor('public/app')).send('GET', 'manifests/v1')
    expect([answer.status, answer.headers['cache-control']]).toEqual([200, 'no-cache'])
    expect(answer.headers['x-ipfs-path']).toMatch(/^\/ipfs\//)
  })

  test('nobody else learns of it: neither by name, nor in lists, nor among the blocks, nor by a root', async () => {
    await push(secret, 'team/app')
    for (const headers of [await tokenFor('team/app'), BOB]) {
      for (const path of [
        'manifests/v1',
        'tags/list',
        ...[...secret.blobs.keys()].map((one) => `blobs/${one}`),
      ]) {
        const answer = await client('team/app', headers).send('GET', path)
        const missing = await client('team/none', headers).send('GET', path)
        expect([answer.status, errorOf(answer).code]).toEqual([missing.status, errorOf(missing).code])
        expect(answer.status).toBe(404)
      }
      const { body } = await client('', headers).send('GET', '/v2/_catalog')
      expect(body.toString()).not.toContain('team')
    }
    const all = await client('').send('GET', '/v2/_catalog')
    expect(JSON.parse(all.body.toString())).toEqual({ repositories: ['public/app', 'team/app'] })
    const [version] = (await rootNamed('private')).versions
    expect(version).toBeDefined()
    expect(gateway?.log().filter((line) => line.includes(version?.cid ?? ''))).toEqual([])
    const cids = [...(await blocksOf(secret, 'team/app')), CID.parse(version?.cid ?? '')]
    expect(cids.length).toBeGreaterThan(6)
    for (const cid of cids) {
      for (const format of ['raw', 'car']) {
        const answer = await ask(port(), `/ipfs/${cid.toString()}?format=${format}`, {
          headers: { 'cache-control': 'only-if-cached' },
        })
        expect([cid.toString(), answer.status]).toEqual([cid.toString(), 412])
      }
    }
    const home = await rootNamed('home')
    const listed = await ask(port(), `/ipfs/${home.versions[0]?.cid ?? ''}?format=car`)
    expect(listed.status).toBe(200)
    expect(listed.body.includes('team')).toBe(false)
  })

  test('what is in it is found by nobody who knows a digest', async () => {
    await push(secret, 'team/app')
    const digest = [...secret.blobs.keys()].at(-1) ?? ''
    // A layout of somebody else that names the layer, and has other bytes in its place.
    const layout = new LayoutBuilder()
    const files = layout.list(layout.image({ content: 'x', layers: [LAYER] }), { ref: 'v1' }).files()
    files.set(`blobs/${digest.replace(':', '/')}`, Buffer.from('other bytes'))
    const { root, blocks } = await importTree(Object.fromEntries(files))
    ipfs.add({ blocks })
    const name = `ipfs/${root.toString()}`
    const headers = await tokenFor(name)
    expect((await client(name, headers).send('GET', 'manifests/v1')).status).toBe(200)
    const answer = await client(name, headers)
      .send('GET', `blobs/${digest}`)
      .catch(() => undefined)
    expect(answer?.body.includes(Buffer.from(LAYER.subarray(0, 100)))).not.toBe(true)
    expect(answer?.status).not.toBe(200)
    // Nor is it mounted by one who may not pull it, or into what everybody sees.
    for (const [name, who] of [
      ['public/other', BOB],
      ['mine/other', BOB],
      ['public/other', ALICE],
    ] as const) {
      const mount = await client(name, who).send('POST', `blobs/uploads/?mount=${digest}&from=team/app`)
      expect([name, mount.status]).toEqual([name, 202])
    }
    const inside = await client('team/other').send('POST', `blobs/uploads/?mount=${digest}&from=team/app`)
    expect(inside.status).toBe(201)
  })

  test('the same layer can be in both; each is there without the other', async () => {
    await push(secret, 'team/app')
    await push(secret, 'public/same')
    const digest = [...secret.blobs.keys()].at(-1) ?? ''
    expect((await client('team/app').send('DELETE', `manifests/${secret.digest}`)).status).toBe(202)
    expect((await client('team/app').send('DELETE', `blobs/${digest}`)).status).toBe(202)
    await stop()
    await json<Collected>('gc')
    await start()
    const headers = await tokenFor('public/same')
    expect((await client('public/same', headers).send('GET', `blobs/${digest}`)).status).toBe(200)
    expect((await client('team/app').send('GET', `blobs/${digest}`)).status).toBe(404)
  })

  test.each(['while the gateway runs', 'and after it'])(
    'garbage is collected of it too, %s',
    async (when) => {
      await push(secret, 'team/app')
      const staged = Buffer.from('no manifest ever names this')
      const digest = digestOfBytes(staged)
      await stop()
      await start({ 'upload-timeout': '1s' })
      expect((await client('team/app').pushBlob(digest, staged)).status).toBe(201)
      await expect(collected(digest, when === 'and after it')).resolves.toBe(true)
      if (gateway === undefined) await start()
      const answer = await client('team/app').send('GET', 'manifests/v1')
      expect(answer.body.equals(secret.bytes)).toBe(true)
      for (const blob of secret.blobs.keys()) {
        expect((await client('team/app').send('GET', `blobs/${blob}`)).status).toBe(200)
      }
    },
  )

  test('it is there after a restart, and not where nobody says who they are', async () => {
    await push(secret, 'team/app')
    await stop()
    await start()
    expect((await client('team/app').send('GET', 'manifests/v1')).status).toBe(200)
    await stop()
    await start({ auth: 'none', 'auth-rules': 'private' })
    expect((await client('public/app', {}).send('GET', 'manifests/v1')).status).toBe(200)
    expect((await client('team/app', {}).send('GET', 'manifests/v1')).status).toBe(404)
  })
})

/** Collect until the staged blob has gone, since its time has to be over first. */
async function collected(digest: string, alone: boolean): Promise<boolean> {
  const ended = Date.now() + 20_000
  if (alone) await stop()
  while (Date.now() < ended) {
    const settings = ['--upload-timeout', '1s']
    const { embedded } = await json<Collected>('gc', ...(alone ? settings : []))
    if (embedded?.blobs.some((blob) => blob.digest === digest) === true) return true
  }
  return false
}

describe('when the rules change', () => {
  const app = imageToPush({ content: 'app' })

  async function rules(text: string, name: string, isOpen: boolean): Promise<void> {
    await writeFile(file('rules.yaml'), text)
    const seen = async (): Promise<boolean> =>
      (await client(name, await tokenFor(name)).send('GET', 'manifests/v1')).status === 200
    while ((await seen()) !== isOpen);
  }

  test('what was public stays where it is, and takes no private pushes', async () => {
    await push(app, 'public/app')
    await rules(RULES.replace('"public/**", "ipfs/**"', '"ipfs/**"'), 'public/app', false)
    expect((await client('public/app').send('GET', 'manifests/v1')).status).toBe(200)
    const refused = await client('public/app').send('POST', 'blobs/uploads/')
    expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
    expect(errorOf(refused).message).toMatch(/was public when .* private now/)
    expect((await client('public/app').send('DELETE', 'manifests/v1')).status).toBe(202)
    // Another of that kind goes where the rules say now.
    await push(app, 'public/new')
    expect((await client('public/new').send('GET', 'manifests/v1')).headers['x-ipfs-path']).toBeUndefined()
  })

  test('what was private can be pulled by everybody who may, and is not put on IPFS', async () => {
    await push(app, 'team/app')
    await rules(RULES.replace('"public/**", "ipfs/**"', '"**"'), 'team/app', true)
    const refused = await client('team/app').putManifest('v2', app.bytes, app.mediaType)
    expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
    expect(errorOf(refused).message).toMatch(/was private when .* public now/)
    const [version] = (await rootNamed('private')).versions
    const block = await ask(port(), `/ipfs/${version?.cid ?? ''}?format=raw`, {
      headers: { 'cache-control': 'only-if-cached' },
    })
    expect(block.status).toBe(412)
  })
})

test('what is pushed by the name of a root is public', async () => {
  await push(open, 'public/app')
  let key: string | undefined
  while (key === undefined) key = (await rootNamed('home')).name?.key
  const refused = await client(`ipns/${key}/team/app`).send('POST', 'blobs/uploads/')
  expect([refused.status, errorOf(refused).code]).toEqual([403, 'DENIED'])
  expect(errorOf(refused).message).toContain('everybody can have what is published')
})
