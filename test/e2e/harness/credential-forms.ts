import { chmod, mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { USER } from './registry.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'
import { basic } from './token-server.ts'

/** A way to tell a gateway who it is to an upstream. */
export interface CredentialForm {
  readonly title: string
  /** What follows `--upstream NAME=`. */
  upstream(url: string): string
}

export interface CredentialForms {
  readonly forms: readonly CredentialForm[]
  /** Variables that the gateway needs for them. */
  readonly env: Record<string, string>
}

export const CREDENTIAL_FORMS = [
  'a password',
  'a password in the address',
  'a password in a file',
  'a password in the environment',
  "docker's config.json",
  'a credential helper',
  "a credential helper that docker's config.json names",
] as const

const HELPER = 'docker-credential-e2e'

/** Every form in which a password can be given, for {@link USER} and registries that are at these URLs. */
export async function makeCredentialForms(
  teardown: Teardown,
  urls: readonly string[],
): Promise<CredentialForms> {
  const folder = await tempFolder(teardown, 'secrets')
  const { username, password } = USER
  const write = async (name: string, content: unknown): Promise<string> => {
    const path = join(folder, name)
    const text = typeof content === 'string' ? content : JSON.stringify(content)
    await writeFile(path, text, { mode: 0o600 })
    return path
  }
  const hosts = urls.map((url) => new URL(url).host)
  const auth = basic(username, password).slice('Basic '.length)
  const file = await write('password', `${password}\n`)
  const config = await write('config.json', {
    auths: Object.fromEntries(hosts.map((host) => [host, { auth }])),
  })
  const naming = await write('helpers.json', {
    credHelpers: Object.fromEntries(hosts.map((host) => [host, 'e2e'])),
  })
  const programs = await writeHelper(join(folder, 'bin'), hosts)

  const options: Record<(typeof CREDENTIAL_FORMS)[number], string> = {
    'a password': `username=${username};password=${password}`,
    'a password in the address': '',
    'a password in a file': `username=${username};password-file=${file}`,
    'a password in the environment': `username=${username};password-env=E2E_PASSWORD`,
    "docker's config.json": `docker-config=${config}`,
    'a credential helper': 'credential-helper=e2e',
    "a credential helper that docker's config.json names": `docker-config=${naming}`,
  }
  const forms = CREDENTIAL_FORMS.map((title) => ({
    title,
    upstream: (url: string) =>
      title === 'a password in the address'
        ? url.replace('://', `://${username}:${password}@`)
        : `${url};${options[title]}`,
  }))
  return { forms, env: { E2E_PASSWORD: password, PATH: `${programs}:${process.env['PATH'] ?? ''}` } }
}

/** A helper as docker's: asked `get` with a registry on its standard input. It knows these and nobody else. */
async function writeHelper(folder: string, hosts: readonly string[]): Promise<string> {
  await mkdir(folder)
  const answer = JSON.stringify({ Username: USER.username, Secret: USER.password })
  await writeFile(
    join(folder, HELPER),
    `#!/bin/sh
read -r server
case "$1 $server" in
${hosts.map((host) => `'get ${host}' | 'get http://${host}') printf '%s' '${answer}' ;;`).join('\n')}
*) echo 'credentials not found in native keychain'; exit 1 ;;
esac
`,
  )
  await chmod(join(folder, HELPER), 0o755)
  return folder
}
