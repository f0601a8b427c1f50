import { join } from 'node:path'
import { attempt, type RunResult } from './child.ts'
import { Containerd } from './containerd.ts'
import { Docker } from './docker.ts'
import { Podman } from './podman.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

export interface User {
  readonly name: string
  readonly password: string
}

/** A client as somebody in particular, or as nobody; each call says how it went. */
export interface Session {
  /** Undefined where a password is shown with each command instead. */
  readonly login: ((user: User) => Promise<RunResult>) | undefined
  pull(name: string, user: User | undefined): Promise<RunResult>
  /** Push an image that the client holds, or one of a layout. */
  push(name: string, user: User | undefined): Promise<RunResult>
}

export interface LoginClient {
  readonly name: string
  readonly programs: readonly string[]
  /**
   * With nothing remembered of earlier sessions.
   *
   * @param host `127.0.0.1:<port>`
   * @param image `<layout>:<tag>` to push from, or its name at the host for clients that push what they have pulled
   */
  open(teardown: Teardown, host: string, image: { layout: string; name: string }): Promise<Session>
}

/** A program with its own home folder. */
function standAlone(
  name: string,
  commands: {
    login: (host: string, user: User) => readonly string[]
    pull: (host: string, reference: string, folder: string) => readonly string[]
    push: (host: string, layout: string, reference: string) => readonly string[]
  },
): LoginClient {
  return {
    name,
    programs: [name],
    async open(teardown, host, { layout }) {
      const home = await tempFolder(teardown, name)
      const env = { HOME: home, XDG_RUNTIME_DIR: home, REGISTRY_AUTH_FILE: join(home, 'auth.json') }
      const run = (args: readonly string[], input?: string): Promise<RunResult> =>
        attempt(name, args, { env, timeout: 60_000, ...(input === undefined ? {} : { input }) })
      let count = 0
      return {
        login: (user) => run(commands.login(host, user), user.password),
        pull: (image) => run(commands.pull(host, `${host}/${image}`, join(home, `pulled-${count++}`))),
        push: (image) => run(commands.push(host, layout, `${host}/${image}`)),
      }
    },
  }
}

const skopeo = standAlone('skopeo', {
  login: (host, { name }) => [
    ...['login', '--tls-verify=false', '--username', name, '--password-stdin'],
    host,
  ],
  pull: (_, reference, folder) => [
    ...['copy', '--quiet', '--src-tls-verify=false'],
    ...[`docker://${reference}`, `oci:${folder}:pulled`],
  ],
  push: (_, layout, reference) => [
    ...['copy', '--quiet', '--dest-tls-verify=false'],
    ...[`oci:${layout}:1`, `docker://${reference}`],
  ],
})

const crane = standAlone('crane', {
  login: (host, { name }) => ['auth', 'login', host, '--username', name, '--password-stdin'],
  pull: (_, reference, folder) => ['pull', '--format=oci', reference, folder],
  push: (_, layout, reference) => ['push', layout, reference],
})

const regctl = standAlone('regctl', {
  login: (host, { name }) => [
    ...['--host', `reg=${host},tls=disabled`],
    ...['registry', 'login', host, '--user', name, '--pass-stdin'],
  ],
  pull: (host, reference, folder) => [
    ...['--host', `reg=${host},tls=disabled`],
    ...['image', 'copy', reference, `ocidir://${folder}:pulled`],
  ],
  push: (host, layout, reference) => [
    ...['--host', `reg=${host},tls=disabled`],
    ...['image', 'copy', `ocidir://${layout}:1`, reference],
  ],
})

const oras = standAlone('oras', {
  login: (host, { name }) => ['login', '--plain-http', '--username', name, '--password-stdin', host],
  pull: (_, reference, folder) => [
    ...['cp', '--from-plain-http', '--to-oci-layout'],
    ...[reference, `${folder}:pulled`],
  ],
  push: (_, layout, reference) => ['cp', '--from-oci-layout', `${layout}:1`, '--to-plain-http', reference],
})

const docker: LoginClient = {
  name: 'docker',
  programs: ['dockerd', 'docker', 'containerd', 'runc'],
  async open(teardown, host, { name }) {
    const daemon = await Docker.start(teardown)
    return {
      login: (user) => daemon.attempt(['login', '--username', user.name, '--password', user.password, host]),
      pull: (image) => daemon.attempt(['pull', `${host}/${image}`]),
      push: async (image) => {
        await daemon.docker(['tag', `${host}/${name}`, `${host}/${image}`])
        return daemon.attempt(['push', `${host}/${image}`])
      },
    }
  },
}

const podman: LoginClient = {
  name: 'podman',
  programs: ['podman', 'runc'],
  async open(teardown, host, { name }) {
    const storage = await Podman.start(teardown)
    const insecure = '--tls-verify=false'
    return {
      login: ({ name, password }) =>
        storage.attempt(['login', insecure, '--username', name, '--password', password, host]),
      pull: (image) => storage.attempt(['pull', '--quiet', insecure, `${host}/${image}`]),
      push: (image) => storage.attempt(['push', insecure, `${host}/${name}`, `${host}/${image}`]),
    }
  },
}

const ctr: LoginClient = {
  name: 'ctr',
  programs: ['ctr', 'containerd'],
  async open(teardown, host, { name }) {
    const daemon = await Containerd.start(teardown)
    const as = (user: User | undefined): readonly string[] =>
      user === undefined ? [] : ['--user', `${user.name}:${user.password}`]
    return {
      login: undefined,
      pull: (image, user) =>
        daemon.attempt([
          ...['images', 'pull', '--snapshotter', 'native', '--plain-http', ...as(user)],
          `${host}/${image}`,
        ]),
      push: (image, user) =>
        daemon.attempt([
          'images',
          'push',
          '--plain-http',
          ...as(user),
          `${host}/${image}`,
          `${host}/${name}`,
        ]),
    }
  },
}

export const LOGIN_CLIENTS: readonly LoginClient[] = [docker, podman, skopeo, crane, oras, regctl, ctr]
