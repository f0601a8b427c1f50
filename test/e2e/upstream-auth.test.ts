import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Authority } from './harness/certificates.ts'
import { until } from './harness/child.ts'
import { CountingProxy } from './harness/counting-proxy.ts'
import { CREDENTIAL_FORMS, makeCredentialForms } from './harness/credential-forms.ts'
import { download } from './harness/download.ts'
import type { Download } from './harness/download.ts'
import { Gateway } from './harness/gateway-process.ts'
import { downloadImage } from './harness/image-download.ts'
import { makeImage } from './harness/images.ts'
import { Registry, USER } from './harness/registry.ts'
import type { RegistryProgram } from './harness/registry.ts'
import { tempFolder } from './harness/temp.ts'
import { Teardown } from './harness/teardown.ts'
import { TokenServer, basic } from './harness/token-server.ts'
import { describeWith } from './harness/tools.ts'

const REPOSITORY = 'private/app'
const WRONG = 'not-the-pa55word'
/** What a client of the gateway shows, which is for the gateway alone. */
const CLIENT = basic('client', 'for-the-gateway-alone')
/** Ways of asking who somebody is, and who asks. */
const KINDS = [
  ['htpasswd', 'registry'],
  ['htpasswd', 'docker-registry'],
  ['tokens', 'registry'],
  ['tokens', 'docker-registry'],
] as const
type Kind = (typeof KINDS)[number][0]

interface Upstream {
  readonly registry: Registry
  readonly proxy: CountingProxy
}

describeWith(
  ['registry', 'docker-registry', 'umoci', 'skopeo', 'openssl'],
  'an upstream that wants to know who asks',
  () => {
    const teardown = new Teardown()
    const upstreams = new Map<string, Upstream>()
    const gateways: Gateway[] = []
    const seen: Download[] = []
    let layout: string
    let tokens: TokenServer
    beforeAll(async () => {
      layout = join(await tempFolder(teardown), 'app')
      await makeImage(layout, '1', { layers: [20_000, 300_000], seed: 'auth' })
      tokens = await TokenServer.start(teardown)
      for (const [kind, program] of KINDS) await startUpstream(kind, program)
    }, 60_000)
    afterEach(async () => expectNoSecret())
    afterAll(() => teardown.run(), 60_000)

    async function startUpstream(kind: Kind, program: RegistryProgram): Promise<void> {
      const auth = kind === 'tokens' ? tokens : 'htpasswd'
      const registry = await Registry.start(teardown, { program, auth })
      for (const name of [REPOSITORY, 'public/app']) await registry.push(layout, '1', name)
      const proxy = await CountingProxy.start(teardown, registry.url)
      upstreams.set(`${kind} ${program}`, { registry, proxy })
    }

    function upstreamOf(kind: Kind, program: RegistryProgram = 'registry'): Upstream {
      return upstreams.get(`${kind} ${program}`) as Upstream
    }

    /** @param settings by the upstreams' names */
    async function startGateway(
      settings: Record<string, string>,
      env: Record<string, string> = {},
    ): Promise<Gateway> {
      const flags = Object.entries(settings).flatMap(([name, at]) => ['--upstream', `${name}=${at}`])
      const gateway = await Gateway.start(teardown, { sources: ['embedded'], flags, env })
      gateways.push(gateway)
      return gateway
    }

    async function missingFrom(gateway: Gateway, name: string, repository = REPOSITORY): Promise<unknown[]> {
      return downloadImage(`${gateway.url}/v2/${name}/${repository}`, layout, '1', { authorization: CLIENT })
    }

    async function refusedBy(gateway: Gateway, name: string, repository = REPOSITORY): Promise<Download> {
      const got = await download(`${gateway.url}/v2/${name}/${repository}/manifests/1`)
      seen.push(got)
      return got
    }

    /** Neither a secret of ours nor a token in what the gateways have written; no header of a client's went on. */
    async function expectNoSecret(): Promise<void> {
      const secrets = [
        USER.password,
        basic(USER.username, USER.password).slice(6),
        WRONG,
        tokens.identityToken,
      ]
      const written = [
        ...(await Promise.all(gateways.map((gateway) => gateway.metrics()))),
        ...gateways.map((gateway) => gateway.process.output()),
        ...seen.map((answer) => `${answer.text} ${JSON.stringify(answer.headers)}`),
      ]
      // A JWT begins with the letters that `{"` makes in base64.
      for (const text of written) {
        for (const secret of [...secrets, 'eyJ']) expect(text).not.toContain(secret)
      }
      const shown = [
        ...[...upstreams.values()].flatMap(({ proxy }) => proxy.requests.map(({ headers }) => headers)),
        ...tokens.requests,
      ].map(({ authorization }) => authorization)
      expect(shown).not.toContain(CLIENT)
    }

    describe('knows the gateway', () => {
      let gateway: Gateway
      const nameOf = (title: string, kind: Kind, program: RegistryProgram): string =>
        `${kind}-${program}-${CREDENTIAL_FORMS.findIndex((form) => form === title)}.example`
      beforeAll(async () => {
        const urls = [...upstreams.values()].map(({ proxy }) => proxy.url)
        const { forms, env } = await makeCredentialForms(teardown, urls)
        const settings: Record<string, string> = {}
        for (const form of forms) {
          for (const [kind, program] of KINDS) {
            const { proxy } = upstreamOf(kind, program)
            settings[nameOf(form.title, kind, program)] = form.upstream(proxy.url)
          }
        }
        settings['identity.example'] =
          `${upstreamOf('tokens').proxy.url};identity-token=${tokens.identityToken}`
        gateway = await startGateway(settings, env)
      }, 60_000)

      describe.each(CREDENTIAL_FORMS)('by %s', (title) => {
        test.each(KINDS)('%s of %s', async (kind, program) => {
          expect(await missingFrom(gateway, nameOf(title, kind, program))).toEqual([])
        })
      })

      test('by an identity token', async () => {
        tokens.requests.length = 0
        expect(await missingFrom(gateway, 'identity.example')).toEqual([])
        expect(tokens.requests).toMatchObject([{ method: 'POST', user: USER.username, status: 200 }])
      })

      test('and the gateway does not tell what it knows when it is asked for its settings', async () => {
        const args = Object.values({ a: `x.example=http://127.0.0.1:1;username=a;password=${USER.password}` })
        const told = await gateway.attempt(['config', '--upstream', ...args])
        expect(told.code).toBe(0)
        expect(told.stdout + told.stderr).not.toContain(USER.password)
      })
    })

    describe('does not know the gateway', () => {
      let gateway: Gateway
      let passwordFile: string
      beforeAll(async () => {
        const folder = await tempFolder(teardown, 'secrets')
        passwordFile = join(folder, 'password')
        await writeFile(passwordFile, WRONG)
        await writeFile(join(folder, 'config.json'), '{"auths":{}}')
        const [basicUrl, tokenUrl] = (['htpasswd', 'tokens'] as const).map(
          (kind) => upstreamOf(kind).proxy.url,
        )
        const wrong = `username=${USER.username};password=${WRONG}`
        gateway = await startGateway({
          'htpasswd.example': `${basicUrl};${wrong}`,
          'tokens.example': `${tokenUrl};${wrong}`,
          'identity.example': `${tokenUrl};identity-token=${WRONG}`,
          'anonymous-htpasswd.example': `${basicUrl}`,
          'anonymous-tokens.example': `${tokenUrl}`,
          'config.example': `${basicUrl};docker-config=${join(folder, 'config.json')}`,
          'file.example': `${basicUrl};username=${USER.username};password-file=${passwordFile}`,
        })
      }, 60_000)

      test.each([
        'htpasswd.example',
        'tokens.example',
        'identity.example',
        'anonymous-htpasswd.example',
        'anonymous-tokens.example',
        'config.example',
      ])('%s: 403, and the operator is told', async (name) => {
        const got = await refusedBy(gateway, name)
        expect({ status: got.status, text: got.text }).toEqual({
          status: 403,
          text: expect.stringContaining('"DENIED"'),
        })
        expect(got.headers['www-authenticate']).toBeUndefined()
        const isTold = (line: string): boolean => line.includes(name) && /"level":"(warn|error)"/.test(line)
        await until('the log', () => gateway.process.output().split('\n').some(isTold))
      })

      test('until its file has the right password', async () => {
        expect((await refusedBy(gateway, 'file.example')).status).toBe(403)
        await writeFile(passwordFile, USER.password)
        expect(await missingFrom(gateway, 'file.example')).toEqual([])
      })

      test('and lets everybody read what is public', async () => {
        expect(await missingFrom(gateway, 'anonymous-tokens.example', 'public/app')).toEqual([])
      })
    })

    test('a fall-back is not shown the credentials of the registry itself', async () => {
      const { proxy } = upstreamOf('htpasswd')
      const other = await CountingProxy.start(teardown, proxy.url)
      const dead = await CountingProxy.start(teardown, proxy.url)
      dead.fault = () => ({ kind: 'answer', status: 500 })
      const at = `${dead.url};username=${USER.username};password=${USER.password};fallback=${other.url}`
      const gateway = await startGateway({ 'two.example': at })
      expect((await refusedBy(gateway, 'two.example')).status).toBeGreaterThanOrEqual(403)
      expect(other.requests.length).toBeGreaterThan(0)
      expect(other.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([])
    })

    test('keys of the token server that change while a token is kept', async () => {
      const own = await TokenServer.start(teardown)
      const registry = await Registry.start(teardown, { auth: own })
      await registry.push(layout, '1', REPOSITORY)
      const at = `${registry.url};username=${USER.username};password=${USER.password}`
      const gateway = await startGateway({ 'rotated.example': at })
      const paths = `${gateway.url}/v2/rotated.example/${REPOSITORY}`
      expect((await download(`${paths}/manifests/1`)).status).toBe(200)
      await own.changeKey()
      await registry.down()
      await registry.up()
      own.requests.length = 0
      expect(await downloadImage(paths, layout, '1')).toEqual([])
      expect(own.requests.map(({ status }) => status)).toEqual([200])
    })

    test('TLS of an authority that only the setting trusts', async () => {
      const authority = await Authority.create(teardown)
      const tls = await authority.issue('IP:127.0.0.1')
      const registry = await Registry.start(teardown, { auth: 'htpasswd', tls })
      await registry.push(layout, '1', REPOSITORY)
      const at = `${registry.url};username=${USER.username};password=${USER.password}`
      const gateway = await startGateway({
        'trusted.example': `${at};ca=${authority.cert}`,
        'stranger.example': at,
      })
      expect(await missingFrom(gateway, 'trusted.example')).toEqual([])
      const got = await refusedBy(gateway, 'stranger.example')
      expect({ status: got.status, text: got.text }).toEqual({
        status: 503,
        text: expect.stringMatching(/certificate/i),
      })
    })
  },
)
