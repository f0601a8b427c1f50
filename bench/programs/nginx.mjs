import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { answers, findProgram, launch } from '../process.mjs'
import { freePort } from '../scope.mjs'

export const NGINX = 'nginx'

/**
 * nginx giving the files of a folder by sendfile.
 *
 * @param options `core`: the one it may use; `files`: path → the `file` that is answered there, and its media `type`
 */
export async function startNginx(scope, root, { core, files = {} } = {}) {
  const folder = await scope.folder('nginx')
  const port = await freePort()
  await mkdir(join(folder, 'temp'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  await writeFile(
    join(folder, 'nginx.conf'),
    `user root;
daemon off;
worker_processes ${core === undefined ? 'auto' : 1};
pid ${join(folder, 'pid')};
error_log stderr warn;
events {}
http {
  access_log ${join(folder, 'access.log')};
  sendfile on;
  tcp_nopush on;
${temporary.map((kind) => `  ${kind}_temp_path ${join(folder, 'temp', kind)};`).join('\n')}
  server {
    listen 127.0.0.1:${port};
    root ${root};
${Object.entries(files).map(location).join('\n')}
  }
}
`,
  )
  const url = `http://127.0.0.1:${port}`
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr']
  const ready = () => answers(url)
  const { pid } = await launch(scope, findProgram(NGINX), args, { core, log: join(folder, 'log'), ready })
  return { pid, url }
}

function location([path, { file, type }]) {
  return `    location = ${path} { types {} default_type ${type}; alias ${file}; }`
}
