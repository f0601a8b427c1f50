import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, until } from './child.ts'
import { freePort } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'
import { repositoryFolder } from './tools.ts'

/** The configuration for fleets that people use. */
const FLEET = join(repositoryFolder, 'deploy/nginx/ipfs-registry.conf')

/** Each must be there, or nginx would run something else than the test believes. */
function replace(text: string, pattern: RegExp, by: string): string {
  if (!pattern.test(text)) throw new Error(`${FLEET} has no ${String(pattern)}`)
  return text.replace(pattern, by)
}

/** Without the ring, requests go to the gateways in turn. */
export function inTurn(configuration: string): string {
  return replace(configuration, /^ *hash .*;$/m, '')
}

/** With the lines for TLS in force. */
export function withTls(files: { cert: string; key: string }, port: number) {
  return (configuration: string): string => {
    const on = replace(configuration, /^( *)#(listen|ssl_\w+)( .*;)$/gm, '$1$2$3')
    const listening = replace(on, /listen +443 /, `listen 127.0.0.1:${port} `)
    const certified = replace(listening, /\/etc\/nginx\/tls\/registry\.crt/, files.cert)
    return replace(certified, /\/etc\/nginx\/tls\/registry\.key/, files.key)
  }
}

/**
 * nginx with the configuration of deploy/nginx in front of gateways; only addresses are put in, and what `change`
 * does. Resolves to its `127.0.0.1:<port>`.
 */
export async function startNginx(
  teardown: Teardown,
  hosts: readonly string[],
  change: (configuration: string) => string = (configuration) => configuration,
): Promise<string> {
  const folder = await tempFolder(teardown, 'nginx')
  const port = await freePort()
  const fleet = await readFile(FLEET, 'utf8')
  const [, parameters = ''] = /^ *server \S+:5000(.*);$/m.exec(fleet) ?? []
  const servers = hosts.map((host) => `    server ${host}${parameters};\n`).join('')
  const listening = replace(fleet, /listen 5000;/, `listen 127.0.0.1:${port};`)
  await writeFile(
    join(folder, 'fleet.conf'),
    change(replace(listening, /(^ *server \S+:5000.*;\n)+/m, servers)),
  )
  await mkdir(join(folder, 'temp'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `  ${kind}_temp_path ${join(folder, 'temp', kind)};`,
  )
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off;
master_process off;
pid ${join(folder, 'pid')};
error_log stderr warn;
events { worker_connections 4096; }
http {
  access_log off;
${temporary.join('\n')}
  include fleet.conf;
}
`,
  )
  const server = launch('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'])
  teardown.defer(() => server.stop())
  await until(
    'nginx',
    async () => {
      const answer = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)
      await answer?.body?.cancel()
      return answer !== undefined
    },
    { process: server },
  )
  return `127.0.0.1:${port}`
}
