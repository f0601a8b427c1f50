import { describe, expect, test } from '@jest/globals'
import { SETTING_NAMES } from '../../../src/config/settings.ts'
import { commandLine } from '../../fixtures/command-line.ts'

const SHELLS = ['bash', 'zsh', 'fish']

async function script(shell: string): Promise<string> {
  const { code, stdout, stderr } = await commandLine({ argv: ['completion', shell] })
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return stdout
}

/** What `--help` lists under a heading: names of commands, or long flags. */
async function listed(argv: readonly string[], pattern: RegExp): Promise<string[]> {
  const { stdout } = await commandLine({ argv: [...argv, '--help'] })
  return [...(stdout.split('Examples:')[0]?.matchAll(pattern) ?? [])].map(([, name = '']) => name)
}

describe.each(SHELLS)('completion for %s', (shell) => {
  test('has every command and every flag that --help shows', async () => {
    const text = await script(shell)
    const commands = (await listed([], /^ {2}([a-z]+) /gm)).filter((name) => name !== 'help')
    expect(commands).toEqual(expect.arrayContaining(['serve', 'configure', 'completion']))
    for (const path of [...commands.map((name) => [name]), ['roots', 'import']]) {
      expect(text).toMatch(new RegExp(`\\b${path.at(-1) ?? ''}\\b`))
      const flags = await listed(path, /^ {2}(?:-\w, )?(--[a-z-]+)/gm)
      expect(flags).toContain('--help')
      for (const flag of flags) expect(text).toContain(shell === 'fish' ? `-l ${flag.slice(2)} ` : flag)
    }
    for (const name of SETTING_NAMES) expect(text).toContain(shell === 'fish' ? `-l ${name} ` : `--${name}`)
  })

  test('has the values of enumerations', async () => {
    const text = await script(shell)
    for (const words of [
      'error warn info debug',
      'docker containerd podman crio k3s',
      'auto embedded kubo',
    ]) {
      expect(text).toContain(words)
    }
  })
})

test('a mistake in the settings does not matter to a shell that starts', async () => {
  const { code } = await commandLine({ argv: ['completion', 'bash'], env: { IPFS_REGISTRY_LISTEN: 'x' } })
  expect(code).toBe(0)
})

test('another shell is wrong use', async () => {
  const { code, stderr } = await commandLine({ argv: ['completion', 'tcsh'] })
  expect(code).toBe(2)
  expect(stderr).toMatch(/Allowed choices are bash, zsh, fish/)
})
