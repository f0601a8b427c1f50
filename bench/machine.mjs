import { execFile } from 'node:child_process'
import { arch, cpus, platform, release, totalmem } from 'node:os'
import { promisify } from 'node:util'
import { findProgram, repositoryFolder } from './process.mjs'

const VERSIONS = {
  ipfs: ['version', '--number'],
  registry: ['--version'],
  'docker-registry': ['--version'],
  zot: ['--version'],
  nginx: ['-v'],
  skopeo: ['--version'],
  curl: ['--version'],
  wrk: ['-v'],
}

export function machine() {
  const [{ model }] = cpus()
  return {
    cores: cpus().length,
    model,
    memory: totalmem(),
    platform: platform(),
    release: release(),
    arch: arch(),
  }
}

/** Name → what the program says of itself, in its first line; ours by its commit, where there is one. */
export async function versions() {
  const found = { node: process.version }
  const commit = await said('git', ['-C', repositoryFolder, 'describe', '--always', '--dirty'])
  if (commit !== undefined) found.ours = commit
  for (const [name, args] of Object.entries(VERSIONS)) {
    const program = findProgram(name)
    const version = program === undefined ? undefined : await said(program, args)
    if (version !== undefined) found[name] = version
  }
  return found
}

/** wrk says its version and fails; nginx says it on stderr. */
async function said(program, args) {
  const { stdout = '', stderr = '' } = await promisify(execFile)(program, args).catch((error) => error)
  return `${stdout}${stderr}`.trim().split('\n')[0] || undefined
}
