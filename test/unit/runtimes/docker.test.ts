import { describe, expect, test } from '@jest/globals'
import { docker } from '../../../src/runtimes/docker.ts'
import { MemoryFiles } from '../../fixtures/memory-files.ts'
import { GATEWAY, GHCR, HUB, mirror, setUp } from '../../fixtures/runtime-setup.ts'

const CONFIG = '/etc/docker/daemon.json'

async function configured(text: string | undefined, given = mirror()): Promise<string> {
  const files = await setUp(docker, text === undefined ? {} : { [CONFIG]: text }, given)
  return files[CONFIG] ?? ''
}

describe('docker', () => {
  test('gets a file where there is none', async () => {
    expect(JSON.parse(await configured(undefined))).toEqual({ 'registry-mirrors': [GATEWAY] })
  })

  test.each([
    ['{}', `{"registry-mirrors": ["${GATEWAY}"]}`],
    ['{\n}\n', `{\n  "registry-mirrors": ["${GATEWAY}"]\n}\n`],
    ['{"debug":true}', `{"registry-mirrors": ["${GATEWAY}"], "debug":true}`],
    ['{\n    "debug": true\n}\n', `{\n    "registry-mirrors": ["${GATEWAY}"],\n    "debug": true\n}\n`],
    ['{\r\n\t"a": [1, 2]\r\n}', `{\r\n\t"registry-mirrors": ["${GATEWAY}"],\r\n\t"a": [1, 2]\r\n}`],
    ['\uFEFF{ "a": "}" }', `\uFEFF{ "registry-mirrors": ["${GATEWAY}"], "a": "}" }`],
    ['{"registry-mirrors": []}', `{"registry-mirrors": ["${GATEWAY}"]}`],
    ['{"registry-mirrors":["https://m"]}', `{"registry-mirrors":["${GATEWAY}", "https://m"]}`],
    [
      '{\n  "registry-mirrors": [\n    "https://m"\n  ]\n}',
      `{\n  "registry-mirrors": [\n    "${GATEWAY}",\n    "https://m"\n  ]\n}`,
    ],
  ])('keeps the form of %j', async (before, after) => {
    expect(await configured(before)).toBe(after)
  })

  test('leaves a mirror that was there before, also in another spelling', async () => {
    const text = `{"registry-mirrors": ["https://m", "${GATEWAY}/"]}`
    const files = await setUp(docker, { [CONFIG]: text })
    expect(files).toEqual({ [CONFIG]: text })
  })

  test('uses the listener of docker.io where there is one', async () => {
    const listener = 'http://127.0.0.1:5002'
    expect(await configured('{}', mirror({ ...HUB, listener, isDefault: false }))).toContain(listener)
  })

  test('takes plain HTTP from elsewhere', async () => {
    const given = { ...mirror(), gateway: 'http://10.0.0.1:5000', isLocal: false }
    const text = await configured('{\n  "insecure-registries": ["10.9.9.9"]\n}', given)
    expect(JSON.parse(text)).toEqual({
      'registry-mirrors': ['http://10.0.0.1:5000'],
      'insecure-registries': ['10.0.0.1:5000', '10.9.9.9'],
    })
  })

  test('says how other registries are pulled', async () => {
    const { notes } = await docker.add(new MemoryFiles(), mirror(HUB, GHCR))
    expect(notes.join()).toContain('127.0.0.1:5000/ghcr.io/')
    await expect(docker.add(new MemoryFiles(), mirror(GHCR))).rejects.toThrow(/docker\.io alone/)
    await expect(docker.add(new MemoryFiles(), mirror({ ...HUB, isDefault: false }))).rejects.toThrow(
      /--mirror 127\.0\.0\.1:5002=docker\.io/,
    )
  })

  test('loses only what was added, when others have changed the file since', async () => {
    const files = new MemoryFiles({ [CONFIG]: '{"debug": true}' })
    files.apply(await docker.add(files, mirror()))
    files.texts.set(CONFIG, `{"log-level": "warn", "registry-mirrors": ["https://m", "${GATEWAY}"]}`)
    files.apply(await docker.remove(files))
    expect(Object.fromEntries(files.texts)).toEqual({
      [CONFIG]: '{"log-level": "warn", "registry-mirrors": ["https://m"]}',
    })
  })

  test('is moved to another address', async () => {
    const files = new MemoryFiles({ [CONFIG]: '{"debug": true}' })
    files.apply(await docker.add(files, mirror()))
    files.apply(await docker.add(files, { ...mirror(), gateway: 'https://gw.example' }))
    expect(files.texts.get(CONFIG)).toBe('{"registry-mirrors": ["https://gw.example"], "debug": true}')
  })

  test.each([
    ['{\n  "debug": true,\n}', 3],
    ['{\n  "a": tru\n}', 2],
    ['{\n  "a": 1\n  "b": 2\n}', 3],
    ['{\n  a: 1\n}', 2],
    ['{\n  "a": [1, 2\n', 3],
    ['{}\n\n{}', 3],
    ['[]', 1],
    ['', 1],
    ['"x"', 1],
  ])('changes nothing in %j, and says the line', async (text, line) => {
    const add = docker.add(new MemoryFiles({ [CONFIG]: text }), mirror())
    await expect(add).rejects.toMatchObject({ code: 'RUNTIME_UNCHANGED' })
    await expect(add).rejects.toThrow(`${CONFIG} line ${line}: `)
  })

  test('changes nothing where the list is none', async () => {
    const files = new MemoryFiles({ [CONFIG]: '{"registry-mirrors": "x"}' })
    await expect(docker.add(files, mirror())).rejects.toThrow(/"registry-mirrors" is no list/)
  })
})
