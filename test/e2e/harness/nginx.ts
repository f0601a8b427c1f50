import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { launch, until } from './child.ts'
import { freePort } from './ports.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** nginx as an ingress: requests go to the gateways in turn. Resolves to its `127.0.0.1:<port>`. */
export async function startNginx(teardown: Teardown, hosts: readonly string[]): Promise<string> {
  const folder = await tempFolder(teardown, 'nginx')
  const port = await freePort()
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
events {}
http {
  access_log off;
${temporary.join('\n')}
  upstream gateways {
${hosts.map((host) => `    server ${host};`).join('\n')}
    keepalive 8;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 0;
    location / {
      proxy_pass http://gateways;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      proxy_buffering off;
      proxy_read_timeout 900s;
    }
  }
}
`,
  )
  const server = launch('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'])
  teardown.defer(() => server.stop())
  await until(
    'nginx',
    async () => (await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined)) !== undefined,
    {
      process: server,
    },
  )
  return `127.0.0.1:${port}`
}
