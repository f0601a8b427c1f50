import { generateKeyPairSync, verify, createPublicKey } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { base36 } from 'multiformats/bases/base36'
import { createKeyFile, readKeyFile } from '../../../../../src/roots/names/embedded/key-file.ts'

let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-file-'))
  path = join(folder, 'keys', 'home')
})
afterEach(() => rm(folder, { recursive: true, force: true }))

test('a key that is made is read again, and is its owner’s only', async () => {
  expect(await readKeyFile(path)).toBeUndefined()
  const made = await createKeyFile(path)
  expect(made.cid.toString(base36)).toMatch(/^k51qzi5uqu5d/)
  const read = await readKeyFile(path)
  expect(read?.cid.equals(made.cid)).toBe(true)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'keys'))).mode & 0o777).toBe(0o700)
  expect(await readdir(join(folder, 'keys'))).toEqual(['home'])
  const pem = await readFile(path, 'utf8')
  expect(pem).toMatch(/^-----BEGIN PRIVATE KEY-----\n/)
  const data = Buffer.from('signed')
  expect(verify(null, data, createPublicKey(pem), read?.sign(data) ?? Buffer.alloc(0))).toBe(true)
})

test('the name is that which Kubo gives a key', async () => {
  // Made by `ipfs key gen`, and written by `ipfs key export --format=pem-pkcs8-cleartext`.
  const der = 'MC4CAQAwBQYDK2VwBCIEIEorwvg7Vw05jvnoe1FHdPyj8e9TCYYK1NmuloBrCuao'
  const pem = ['BEGIN', 'END'].map((word) => `-----${word} PRIVATE KEY-----\n`).join(`${der}\n`)
  await mkdir(join(folder, 'keys'))
  await writeFile(path, pem)
  expect((await readKeyFile(path))?.cid.toString(base36)).toBe(
    'k51qzi5uqu5dj163lwp3td01kertu2t3hlpbqo6lcgr6rb9o6n2psa97uzf96y',
  )
})

test('no key is made over a file, whatever is in it', async () => {
  await mkdir(join(folder, 'keys'))
  for (const text of ['', 'no key at all']) {
    await writeFile(path, text)
    await expect(createKeyFile(path)).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(await readFile(path, 'utf8')).toBe(text)
  }
  expect(await readdir(join(folder, 'keys'))).toEqual(['home'])
})

test('of many that are made at once one is there in the end', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => createKeyFile(path)))
  const made = results.filter((result) => result.status === 'fulfilled')
  expect(made).toHaveLength(1)
  expect((await readKeyFile(path))?.cid.equals(made[0]?.value.cid)).toBe(true)
})

test.each([
  ['is empty', ''],
  ['is cut', '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2Vw\n'],
  ['is no key', 'hello'],
  ['is of another type', generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey],
  ['is public', generateKeyPairSync('ed25519').publicKey],
])('a file that %s is refused, not taken for none', async (_, content) => {
  await mkdir(join(folder, 'keys'))
  const text =
    typeof content === 'string'
      ? content
      : content.export({ type: content.type === 'public' ? 'spki' : 'pkcs8', format: 'pem' })
  await writeFile(path, text)
  await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await expect(readKeyFile(path)).rejects.toThrow(/no new key is made over it/)
})

test('a folder in the place of the key is refused, and an encrypted key', async () => {
  await mkdir(path, { recursive: true })
  await expect(readKeyFile(path)).rejects.toMatchObject({ code: 'STORE_FAILED' })
  await rm(path, { recursive: true })
  const { privateKey } = generateKeyPairSync('ed25519')
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' })
  await writeFile(path, pem)
  await expect(readKeyFile(path)).rejects.toThrow(/not encrypted/)
})

test('a folder that can not be written to is told', async () => {
  await writeFile(join(folder, 'keys'), 'in the way')
  await expect(createKeyFile(path)).rejects.toMatchObject({ code: 'STORE_FAILED' })
})
