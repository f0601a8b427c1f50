// Installs what package-lock.json names, if that is not what node_modules holds already. Uses nothing but Node.js, since
// it runs on a bare clone: before `npm start`, `npm test` and `npm run test:e2e`.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))
const modules = `${root}node_modules`
const stampFile = `${modules}/.cache/installed`

requireNode(20, 19)
const stamp = wanted()
if (installed() !== stamp) {
  console.error('installing dependencies (npm ci) …')
  npm(['ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'])
  mkdirSync(`${modules}/.cache`, { recursive: true })
  writeFileSync(stampFile, stamp)
}
linkCommand()

function requireNode(major, minor) {
  const [haveMajor, haveMinor] = process.versions.node.split('.').map(Number)
  if (haveMajor > major || (haveMajor === major && haveMinor >= minor)) return
  fail(`Node.js ${major}.${minor} or later is needed; this is ${process.versions.node} (${process.execPath})`)
}

/** Some packages hold binaries, for the machine they were installed on. */
function wanted() {
  const hash = createHash('sha256').update(readFileSync(`${root}package-lock.json`))
  return `${hash.digest('hex')} ${process.platform}-${process.arch}\n`
}

function installed() {
  return existsSync(stampFile) ? readFileSync(stampFile, 'utf8') : undefined
}

function npm(args) {
  // Inside `npm start` this is the very npm that runs, wherever it was installed.
  const script = process.env.npm_execpath
  const known = script !== undefined && /npm-cli\.c?js$/.test(script)
  const [command, before] = known ? [process.execPath, [script]] : ['npm', []]
  const { status, error } = spawnSync(command, [...before, ...args], {
    cwd: root,
    // Results of a command go to stdout, and this is none.
    stdio: ['ignore', 2, 2],
    // A production environment would leave out the compiler.
    env: { ...process.env, NODE_ENV: 'development' },
    shell: !known && process.platform === 'win32',
  })
  if (error !== undefined) fail(`npm could not be run: ${error.message}`)
  if (status !== 0) fail('the dependencies could not be installed; what npm says stands above')
}

/** `npx ipfs-registry` finds a command of the clone itself only where there is one beside those of its dependencies. */
function linkCommand() {
  const folder = `${modules}/.bin`
  mkdirSync(folder, { recursive: true })
  const script = [
    '#!/usr/bin/env node',
    "const main = require('node:path').join(__dirname, '../../dist/main.js')",
    "if (require('node:fs').existsSync(main)) import(require('node:url').pathToFileURL(main).href)",
    "else { console.error('ipfs-registry: not built yet; run npm run build'); process.exit(1) }",
    '',
  ].join('\n')
  put(`${folder}/ipfs-registry`, script)
  put(`${folder}/ipfs-registry.cmd`, '@node "%~dp0ipfs-registry" %*\r\n')
}

function put(file, text) {
  if (existsSync(file) && readFileSync(file, 'utf8') === text) return
  writeFileSync(file, text, { mode: 0o755 })
}

function fail(message) {
  console.error(message)
  process.exit(1)
}
