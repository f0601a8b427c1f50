import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { createProgram } from '../../src/wiring.ts'
import { commandLine, type Ran } from '../fixtures/command-line.ts'
import { startServedGateway, storeFolder, type ServedGateway } from '../fixtures/served-gateway.ts'

function health(adminListen: string, ...flags: string[]): Promise<Ran> {
  return commandLine({ argv: ['health', '--admin-listen', adminListen, ...flags], program: createProgram() })
}

describe('a gateway', () => {
  let store: Awaited<ReturnType<typeof storeFolder>>
  let gateway: ServedGateway

  beforeEach(async () => {
    store = await storeFolder()
  })

  afterEach(async () => {
    await gateway.stop()
    await store.remove()
  })

  test.each(['127.0.0.1', '0.0.0.0'])('that is ready is well, asked at %s', async (host) => {
    gateway = await startServedGateway(store.path, { source: ['embedded'] })
    const told = await health(`${host}:${gateway.adminPort}`)
    expect(told).toEqual({ code: 0, stdout: 'ready\n  embedded answers\n', stderr: '' })
    expect(await health(`${host}:${gateway.adminPort}`, '--live')).toEqual({
      code: 0,
      stdout: 'alive\n',
      stderr: '',
    })
  })

  test('whose sources are silent is not, but alive', async () => {
    // Nobody listens there any more.
    const silent = createServer().listen(0, '127.0.0.1')
    await once(silent, 'listening')
    const { port } = silent.address() as AddressInfo
    silent.close()
    await once(silent, 'close')
    gateway = await startServedGateway(store.path, { source: [`gateway=http://127.0.0.1:${port}`] })
    const where = `127.0.0.1:${gateway.adminPort}`
    const { code, stdout } = await health(where)
    expect(code).toBe(1)
    expect(stdout).toMatch(new RegExp(`^not ready: .*\\n  gateway:127.0.0.1:${port} does not answer\\n$`))
    expect(JSON.parse((await health(where, '--json')).stdout)).toMatchObject({ ready: false })
    expect((await health(where, '--live')).code).toBe(0)
  })
})

describe('what is no gateway', () => {
  test('is told, with what to do', async () => {
    const { code, stderr } = await health('127.0.0.1:1')
    expect(code).toBe(1)
    expect(stderr).toMatch(/^ipfs-registry: no gateway answers at 127\.0\.0\.1:1 \(--admin-listen\): /)
  })

  test('and where there is nothing to ask', async () => {
    const { code, stderr } = await health('off')
    expect([code, stderr]).toEqual([2, expect.stringContaining('admin-listen: is off')])
  })

  test('and another server', async () => {
    const server = createServer((_, res) => res.end('<p>hello</p>')).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { code, stderr } = await health(`127.0.0.1:${(server.address() as AddressInfo).port}`)
    server.close()
    expect(code).toBe(1)
    expect(stderr).toContain('no gateway answers')
  })
})
