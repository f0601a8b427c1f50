import { spawn } from 'node:child_process'

/** Run a program to its end; resolves to its standard output, rejects with the end of what it said. */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options })
    let out = ''
    let err = ''
    child.stdout.on('data', (chunk) => (out += chunk))
    child.stderr.on('data', (chunk) => (err = (err + chunk).slice(-4000)))
    child.on('error', reject)
    child.on('close', (code) => {
      if (code === 0) resolve(out)
      else
        reject(
          new Error(
            `${command} ${args.join(' ')} ended with ${code}: ${err.trim() || out.trim().slice(-2000)}`,
          ),
        )
    })
  })
}
