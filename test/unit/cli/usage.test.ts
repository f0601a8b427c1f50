import { describe, expect, test } from '@jest/globals'
import { EXAMPLES } from '../../../src/cli/examples.ts'
import { SETTING_NAMES } from '../../../src/config/settings.ts'
import { commandLine } from '../../fixtures/command-line.ts'

describe('help', () => {
  test('of the program names every command and gives examples', async () => {
    const { code, stdout, stderr } = await commandLine({ argv: ['--help'] })
    expect(code).toBe(0)
    expect(stderr).toBe('')
    for (const command of ['serve', 'publish', 'inspect', 'export', 'config'])
      expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'))
    expect(stdout).toContain('Examples:')
  })

  test('of serve names every setting, with its default', async () => {
    const { stdout } = await commandLine({ argv: ['serve', '--help'] })
    for (const name of SETTING_NAMES) expect(stdout).toContain(`--${name}`)
    expect(stdout).toMatch(/\(default:\s+20GiB\)/)
    expect(stdout).toContain('--config <FILE>')
    expect(stdout).not.toContain('--no-public')
  })

  test('of publish names only what matters there', async () => {
    const { stdout } = await commandLine({ argv: ['publish', '--help'] })
    expect(stdout).toContain('--store')
    expect(stdout).not.toContain('--ipns-stale')
  })
})

describe('examples', () => {
  const commands = Object.entries(EXAMPLES).map(
    ([name, text]) => [name === 'program' ? [] : [name], text] as const,
  )

  test.each(commands)('%j has some, below its help', async (path, text) => {
    const { stdout } = await commandLine({ argv: [...path, '--help'] })
    expect(stdout).toContain(text)
    expect(text).toContain(`ipfs-registry ${path.join(' ')}`)
  })

  test('name commands and flags that there are', async () => {
    const lines = Object.values(EXAMPLES).flatMap((text) => [
      ...text.matchAll(/\bipfs-registry ([a-z]+)([^|)\n]*)/g),
    ])
    expect(lines.length).toBeGreaterThan(30)
    for (const [, command = '', rest = ''] of lines) {
      const { stdout } = await commandLine({ argv: ['completion', 'bash'] })
      expect(stdout).toContain(`' ${command}'`)
      for (const [flag] of rest.matchAll(/(?<= )--?[a-z][a-z-]*/g)) {
        const words = new RegExp(`^ +'${command}'\\) words='(.*?)'`, 'm').exec(stdout)?.[1]
        expect(words?.split(' ')).toContain(flag)
      }
    }
  })

  test('are there for every command', async () => {
    const { stdout } = await commandLine({ argv: ['--help'] })
    for (const [, name = ''] of stdout.matchAll(/^ {2}([a-z]+) .*$/gm)) {
      if (name !== 'ipfs' && name !== 'help') expect(Object.keys(EXAMPLES)).toContain(name)
    }
  })
})

test('--version is that of the package', async () => {
  expect(await commandLine({ argv: ['--version'] })).toEqual({ code: 0, stdout: '1.2.3\n', stderr: '' })
})

describe('wrong use is exit code 2, told on stderr', () => {
  test.each<[string, string[], RegExp]>([
    ['no command', [], /Usage: ipfs-registry/],
    ['an unknown command', ['frobnicate'], /unknown command 'frobnicate'/],
    ['a slip in a command', ['srve'], /Did you mean serve/],
    ['a slip in a flag', ['serve', '--lissten', 'x'], /Did you mean --listen/],
    ['an argument too many', ['serve', 'x'], /too many arguments/],
    ['an argument too few', ['publish'], /missing required argument 'PATH\|-'/],
    [
      'a value of none of the choices',
      ['publish', '.', '--to', 'mars'],
      /Allowed choices are embedded, kubo/,
    ],
    ['a flag without value', ['serve', '--listen'], /argument missing/],
    ['a wrong setting', ['serve', '--listen', 'x'], /--listen "x": must be HOST:PORT/],
  ])('%s', async (_, argv, message) => {
    const { code, stdout, stderr } = await commandLine({ argv })
    expect(code).toBe(2)
    expect(stdout).toBe('')
    expect(stderr).toMatch(message)
    expect(stderr).not.toMatch(/^ +at /m)
  })

  test('publish - from a terminal', async () => {
    const stdin = Object.assign(new (await import('node:stream')).Readable(), { isTTY: true })
    const { code, stderr } = await commandLine({ argv: ['publish', '-'], stdin })
    expect(code).toBe(2)
    expect(stderr).toMatch(/docker save IMAGE \| ipfs-registry publish/)
  })
})

describe('config', () => {
  test('shows each setting, its value and where that came from', async () => {
    const { code, stdout } = await commandLine({
      argv: [
        'config',
        '--config',
        'g.yaml',
        '--no-public',
        '--source',
        'embedded',
        '--source',
        'gateway=https://u:hush@h',
      ],
      env: { IPFS_REGISTRY_CACHE_SIZE: '1GiB' },
      files: { 'g.yaml': 'listen: 0.0.0.0:80' },
    })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^listen +0\.0\.0\.0:80 +g\.yaml line 1$/m)
    expect(stdout).toMatch(/^cache-size +1GiB +IPFS_REGISTRY_CACHE_SIZE$/m)
    expect(stdout).toMatch(/^public +false +--public$/m)
    expect(stdout).toMatch(
      /^source +embedded +--source\n +gateway=https:\/\/h;header\.authorization=\*\*\*$/m,
    )
    expect(stdout).toMatch(/^tls-cert +- +default$/m)
    expect(stdout).not.toContain('hush')
  })

  test('as JSON', async () => {
    const { stdout } = await commandLine({ argv: ['config', '--json', '--listen', ':1'] })
    const shown = JSON.parse(stdout) as Record<string, unknown>
    expect(Object.keys(shown)).toEqual(SETTING_NAMES)
    expect(shown['listen']).toEqual({ texts: [':1'], origin: { kind: 'flag', name: '--listen' } })
  })
})
