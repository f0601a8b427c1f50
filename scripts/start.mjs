// `npm start`: installs and builds what is missing, then serves with the sample image, in this very process, so that
// signals reach the gateway and nothing else. Flags after `npm start --` go to `serve`.
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'

await import('./install.mjs')

const root = fileURLToPath(new URL('..', import.meta.url))
const compiler = `${root}node_modules/typescript/bin/tsc`
const { status } = spawnSync(process.execPath, [compiler, '-p', `${root}tsconfig.build.json`], {
  cwd: root,
  stdio: ['ignore', 2, 2],
})
if (status !== 0) process.exit(1)

process.argv.splice(1, 1, fileURLToPath(new URL('../dist/main.js', import.meta.url)), 'serve', '--sample')
await import('../dist/main.js')
