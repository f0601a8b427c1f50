// Types, lint and format at the same time; prints what the failing ones say. `npm run check`.
import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

const CHECKS = [
  ['types', 'typescript/bin/tsc', '--noEmit'],
  ['lint', 'eslint/bin/eslint.js', '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'],
  ['format', 'prettier/bin/prettier.cjs', '--check', '--cache', '--log-level=warn', '.'],
]

const results = await Promise.all(CHECKS.map(check))
const failed = results.filter(({ passed }) => !passed)
for (const { name, output } of failed) console.error(`── ${name} ──\n${output.trimEnd()}\n`)
if (failed.length > 0) {
  console.error(`failed: ${failed.map(({ name }) => name).join(', ')}`)
  process.exitCode = 1
}

function check([name, script, ...args]) {
  return new Promise((resolve) => {
    let output = ''
    const child = spawn(process.execPath, [`node_modules/${script}`, ...args], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8')
      stream.on('data', (text) => (output += text))
    }
    child.on('error', (error) => resolve({ name, passed: false, output: error.message }))
    child.on('close', (code) => resolve({ name, passed: code === 0, output }))
  })
}
