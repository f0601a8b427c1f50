import { chmod, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import {
  createCredentials,
  type Credential,
  type CredentialSetting,
} from '../../../src/upstream/auth/credentials.ts'

const { signal } = new AbortController()
let folder: string
let environment: Record<string, string>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'credentials-'))
  await mkdir(join(folder, 'bin'))
  environment = {
    PATH: [join(folder, 'bin'), process.env['PATH'] ?? ''].join(delimiter),
    ASKED: join(folder, 'asked'),
  }
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** A `docker-credential-<name>` that runs these lines of shell. */
async function helper(name: string, script: string): Promise<void> {
  const path = join(folder, 'bin', `docker-credential-${name}`)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
}

function read(setting: CredentialSetting, host = 'ghcr.example'): Promise<Credential | undefined> {
  return createCredentials(setting, { host, environment }).get(signal)
}

async function readConfig(config: unknown, host?: string): Promise<Credential | undefined> {
  const path = join(folder, 'config.json')
  await writeFile(path, typeof config === 'string' ? config : JSON.stringify(config))
  return read({ kind: 'docker-config', path }, host)
}

const AUTH = Buffer.from('user:pass:word').toString('base64')
const USER = { kind: 'password', username: 'user', password: 'pass:word' }

describe('a docker config', () => {
  test.each([
    ['ghcr.example', 'ghcr.example'],
    ['https://ghcr.example', 'ghcr.example'],
    ['https://ghcr.example/v1/', 'ghcr.example'],
    ['https://ghcr.example/v2', 'ghcr.example'],
    ['http://ghcr.example:5000/', 'ghcr.example:5000'],
    ['https://index.docker.io/v1/', 'docker.io'],
    ['https://index.docker.io/v1/', 'registry-1.docker.io'],
    ['docker.io', 'registry-1.docker.io'],
  ])('its entry %s is about %s', async (key, host) => {
    expect(await readConfig({ auths: { [key]: { auth: AUTH } } }, host)).toEqual(USER)
  })

  test.each([
    ['other.example', 'ghcr.example'],
    ['ghcr.example:5000', 'ghcr.example'],
    ['ghcr.example/org', 'ghcr.example'],
    ['https://index.docker.io/v1/', 'ghcr.example'],
  ])('its entry %s is not about %s', async (key, host) => {
    expect(await readConfig({ auths: { [key]: { auth: AUTH } } }, host)).toBeUndefined()
  })

  test('identity tokens, plain fields, padding and empty entries', async () => {
    const at = (entry: unknown) => readConfig({ auths: { 'ghcr.example': entry } })
    expect(await at({ auth: AUTH, identitytoken: 'refresh' })).toEqual({
      kind: 'identity-token',
      username: 'user',
      token: 'refresh',
    })
    expect(await at({ username: 'user', password: 'pass:word' })).toEqual(USER)
    expect(await at({ auth: Buffer.from('user:pass:word\0\0').toString('base64') })).toEqual(USER)
    expect(await at({})).toBeUndefined()
    expect(await at('nonsense')).toBeUndefined()
    expect(await readConfig({})).toBeUndefined()
  })

  test('its helper for the host, then its store, then what is in it', async () => {
    await helper('own', `echo '{"Username":"own","Secret":"1"}'`)
    await helper('store', `echo '{"Username":"store","Secret":"2"}'`)
    await helper('bare', `echo 'credentials not found in native keychain'; exit 1`)
    const auths = { 'ghcr.example': { auth: AUTH } }
    const credHelpers = { 'ghcr.example': 'own' }
    expect(await readConfig({ auths, credsStore: 'store', credHelpers })).toMatchObject({ username: 'own' })
    expect(await readConfig({ auths, credsStore: 'store' })).toMatchObject({ username: 'store' })
    expect(await readConfig({ auths, credsStore: 'bare' })).toEqual(USER)
  })

  test('that is none, or is not there, is no reason to go on without', async () => {
    await expect(readConfig('{')).rejects.toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    await expect(read({ kind: 'docker-config', path: join(folder, 'none') })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
      cause: { fields: { error: 'ENOENT' } },
    })
  })
})

describe('a helper', () => {
  test('is told the server', async () => {
    await helper('ask', `cat > "$ASKED"; test "$1" = get && echo '{"Username":"u","Secret":"s"}'`)
    expect(await read({ kind: 'helper', name: 'ask' })).toEqual({
      kind: 'password',
      username: 'u',
      password: 's',
    })
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe('ghcr.example')
    await read({ kind: 'helper', name: 'ask' }, 'registry-1.docker.io')
    expect(await readFile(join(folder, 'asked'), 'utf8')).toBe('https://index.docker.io/v1/')
  })

  test('may give an identity token', async () => {
    await helper('token', `echo '{"Username":"<token>","Secret":"refresh"}'`)
    expect(await read({ kind: 'helper', name: 'token' })).toMatchObject({
      kind: 'identity-token',
      token: 'refresh',
    })
  })

  test.each([
    ['fails', `echo '{"Username":"u","Secret":"hidden-1"}'; echo hidden-2 >&2; exit 3`],
    ['says nothing', ''],
    ['talks nonsense', 'echo hidden-3'],
    ['talks without end', 'yes hidden-4'],
  ])('that %s is no reason to go on without, and tells no secret', async (_, script) => {
    await helper('bad', script)
    const failure: unknown = await read({ kind: 'helper', name: 'bad' }).catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 'CONTENT_UNAVAILABLE' })
    const { message, cause } = failure as Error & { cause: Error & { fields: unknown } }
    expect(JSON.stringify([message, cause.message, cause.fields])).not.toContain('hidden')
  })

  test.each(['../evil', 'a b', '', 'a;b'])('of the name "%s" is not run', async (name) => {
    await expect(read({ kind: 'helper', name })).rejects.toMatchObject({
      code: 'CONTENT_UNAVAILABLE',
      cause: { message: expect.stringContaining('no file name') },
    })
  })

  test('that is not there', async () => {
    await expect(read({ kind: 'helper', name: 'none' })).rejects.toMatchObject({
      cause: { fields: { error: 'it is not on the PATH' } },
    })
  })

  test('that nobody waits for any more is ended', async () => {
    await helper('slow', 'echo $$ > "$ASKED"; exec sleep 600')
    const abort = new AbortController()
    const asked = createCredentials({ kind: 'helper', name: 'slow' }, { host: 'h', environment }).get(
      abort.signal,
    )
    const pid = await firstLineOf(join(folder, 'asked'))
    abort.abort(new Error('gone'))
    await expect(asked).rejects.toThrow('gone')
    await expect(ended(Number(pid))).resolves.toBe(true)
  })
})

async function firstLineOf(path: string): Promise<string> {
  for (;;) {
    const text = await readFile(path, 'utf8').catch(() => '')
    if (/^\d+\n/.test(text)) return text.trim()
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function ended(pid: number): Promise<boolean> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return true
    }
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('what was read', () => {
  test('is kept until it is refused, and read once for all who ask', async () => {
    const path = join(folder, 'password')
    await writeFile(path, 'one\n')
    const setting: CredentialSetting = { kind: 'password', username: 'u', password: { kind: 'file', path } }
    const credentials = createCredentials(setting, { host: 'h' })
    const [first, second] = await Promise.all([credentials.get(signal), credentials.get(signal)])
    expect(first).toEqual({ kind: 'password', username: 'u', password: 'one' })
    expect(second).toBe(first)
    await writeFile(path, 'two')
    expect(await credentials.get(signal)).toBe(first)
    credentials.invalidate(first)
    const renewed = await credentials.get(signal)
    expect(renewed).toMatchObject({ password: 'two' })
    // What was refused before that says nothing of it.
    credentials.invalidate(first)
    expect(await credentials.get(signal)).toBe(renewed)
  })

  test('a value in the settings is as it is', async () => {
    expect(await read({ kind: 'identity-token', token: { kind: 'value', value: 't' } })).toEqual({
      kind: 'identity-token',
      username: '',
      token: 't',
    })
  })
})
