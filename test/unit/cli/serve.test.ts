import { describe, expect, test } from '@jest/globals'
import type { Config } from '../../../src/config/config.ts'
import { Failure } from '../../../src/errors.ts'
import { commandLine, idleGateway } from '../../fixtures/command-line.ts'

/** Serves with a gateway that runs until it is told to stop, which is at once. */
async function serveAndStop(argv: readonly string[], lines: readonly string[] = []) {
  const stopping = new AbortController()
  const gateway = idleGateway({ lines, adminUrl: 'http://127.0.0.1:5010' })
  let seen: Config | undefined
  const ran = await commandLine({
    argv,
    signal: stopping.signal,
    program: {
      serve: async (config) => {
        seen = config
        setImmediate(() => stopping.abort())
        return gateway
      },
    },
  })
  return { ran, gateway, config: seen }
}

test('serves with the settings given until told to stop, then stops once', async () => {
  const { ran, gateway, config } = await serveAndStop(
    ['serve', '--listen', '[::1]:0', '--sample'],
    ['one', 'two'],
  )
  expect(ran).toEqual({ code: 0, stdout: 'one\ntwo\n', stderr: '' })
  expect(gateway.stops).toBe(1)
  expect(config).toMatchObject({ listen: { host: '::1', port: 0 }, sample: true })
})

test('with --json one object tells where it listens', async () => {
  const { ran } = await serveAndStop(['serve', '--json'], ['one'])
  expect(JSON.parse(ran.stdout)).toEqual({
    url: 'http://127.0.0.1:5000',
    adminUrl: 'http://127.0.0.1:5010',
    lines: ['one'],
  })
})

test('what is under way is cut short after --shutdown-grace', async () => {
  const stopping = new AbortController()
  const gateway = idleGateway({
    stop: (signal) => new Promise((resolve) => signal.addEventListener('abort', () => resolve())),
  })
  const ran = await commandLine({
    argv: ['serve', '--shutdown-grace', '1ms'],
    signal: stopping.signal,
    program: {
      serve: async () => {
        stopping.abort()
        return gateway
      },
    },
  })
  expect(ran.code).toBe(0)
})

test('a gateway that cannot go on is stopped, and that is a failure', async () => {
  const gateway = idleGateway({ failed: Promise.reject(new Failure('STORE_FAILED', 'the disk is gone')) })
  const ran = await commandLine({ argv: ['serve'], program: { serve: async () => gateway } })
  expect(ran).toMatchObject({ code: 1, stderr: 'ipfs-registry: the disk is gone\n' })
  expect(gateway.stops).toBe(1)
})

test('being told to stop before it has begun is no failure', async () => {
  const stopping = new AbortController()
  const ran = await commandLine({
    argv: ['serve'],
    signal: stopping.signal,
    program: {
      serve: async (_, { signal }) => {
        stopping.abort()
        signal.throwIfAborted()
        return idleGateway()
      },
    },
  })
  expect(ran).toEqual({ code: 0, stdout: '', stderr: '' })
})

describe('a failure to listen says what to do', () => {
  const listenError = (code: string, port: number) =>
    Object.assign(new Error(`listen ${code}: 127.0.0.1:${port}`), {
      code,
      syscall: 'listen',
      address: '127.0.0.1',
      port,
    })

  const failing = (error: Error, platform: string) =>
    commandLine({ argv: ['serve'], platform, program: { serve: () => Promise.reject(error) } })

  test.each([
    ['darwin', 5000, /AirPlay Receiver.*lsof -nP -iTCP:5000/s],
    ['darwin', 8080, /lsof -nP -iTCP:8080/],
    ['linux', 5000, /ss -ltnp 'sport = :5000'/],
    ['win32', 5000, /netstat -ano/],
    ['linux', 5010, /--admin-listen 127\.0\.0\.1:5011/],
  ])('in use on %s at %d', async (platform, port, message) => {
    const { code, stderr } = await failing(listenError('EADDRINUSE', port), platform)
    expect(code).toBe(1)
    expect(stderr).toContain(`127.0.0.1:${port} is in use.`)
    expect(stderr).toMatch(message)
    expect(stderr).toMatch(/--(admin-)?listen 127\.0\.0\.1:\d+/)
  })

  test('the flag that is named is the one to change', async () => {
    const argv = ['serve', '--listen', '127.0.0.1:5010', '--admin-listen', '127.0.0.1:9090']
    const stderrOf = async (port: number): Promise<string> => {
      const error = listenError('EADDRINUSE', port)
      return (await commandLine({ argv, program: { serve: () => Promise.reject(error) } })).stderr
    }
    expect(await stderrOf(9090)).toContain('--admin-listen 127.0.0.1:5011')
    expect(await stderrOf(5010)).toContain('with --listen 127.0.0.1:5050')
  })

  test('AirPlay is named only for its ports', async () => {
    expect((await failing(listenError('EADDRINUSE', 8080), 'darwin')).stderr).not.toContain('AirPlay')
    expect((await failing(listenError('EADDRINUSE', 5000), 'linux')).stderr).not.toContain('AirPlay')
  })

  test('not allowed, not here', async () => {
    expect((await failing(listenError('EACCES', 80), 'linux')).stderr).toMatch(/below 1024/)
    expect((await failing(listenError('EADDRNOTAVAIL', 80), 'linux')).stderr).toMatch(
      /no address of this machine/,
    )
  })
})

describe('failures', () => {
  const fail = (error: unknown, argv: string[] = [], env = {}) =>
    commandLine({
      argv: ['serve', ...argv],
      env,
      program: {
        serve: async () => {
          throw error
        },
      },
    })

  test('are one clear line; the stack comes with debug logs', async () => {
    const error = new TypeError('x is not a function')
    expect(await fail(error)).toEqual({ code: 1, stdout: '', stderr: 'ipfs-registry: x is not a function\n' })
    expect((await fail(error, ['--log-level', 'debug'])).stderr).toMatch(/\n +at .*serve\.test/)
    expect((await fail(error, [], { IPFS_REGISTRY_LOG_LEVEL: 'debug' })).stderr).toMatch(
      /\n +at .*serve\.test/,
    )
  })

  test.each([
    [new Failure('STORE_LOCKED', 'held'), 1],
    [new Failure('SETTINGS_INVALID', 'bad certificate'), 2],
    ['a string', 1],
    [undefined, 1],
  ])('%s is exit code %d', async (error, code) => {
    expect((await fail(error)).code).toBe(code)
  })
})
