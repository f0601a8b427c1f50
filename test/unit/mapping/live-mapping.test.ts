import { mkdir, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors.ts'
import { fileLoader } from '../../../src/mapping/file-loader.ts'
import { ipfsLoader } from '../../../src/mapping/ipfs-loader.ts'
import type { IpfsMappingAccess } from '../../../src/mapping/ipfs-loader.ts'
import { LiveMapping } from '../../../src/mapping/live-mapping.ts'
import type { LiveMappingOptions } from '../../../src/mapping/live-mapping.ts'
import type { MappingLoader } from '../../../src/mapping/mapping-loader.ts'
import { inTemporaryFolder } from '../../fixtures/folders.ts'

/** ms; no timer of these tests ever ends, unless one is about timers. */
const NEVER = 1_000_000_000
const signal = new AbortController().signal

function to(host: string): string {
  return `names:\n  - {name: alpine, ipfs: /ipns/${host}/alpine}\n`
}

const live: LiveMapping[] = []
afterEach(async () => {
  for (const mapping of live.splice(0)) await mapping.stop()
})

interface Watched {
  readonly mapping: LiveMapping
  readonly log: string[]
  readonly versions: number[]
  /** Where alpine lives, or the code of the failure. */
  readonly alpine: () => string | undefined
}

function watched(loader: MappingLoader, options: Partial<LiveMappingOptions> = {}): Watched {
  const log: string[] = []
  const versions: number[] = []
  const mapping = new LiveMapping({
    loader,
    sources: ['embedded'],
    onChange: (version) => versions.push(version),
    log: (level, message) => log.push(`${level}: ${message}`),
    ...options,
  })
  live.push(mapping)
  const alpine = (): string | undefined => {
    try {
      return mapping.current().find('alpine')?.path
    } catch (error) {
      if (error instanceof Failure) return error.code
      throw error
    }
  }
  return { mapping, log, versions, alpine }
}

describe('a mapping in a file', () => {
  function inFile(work: (path: string, watched: Watched, folder: string) => Promise<void>): Promise<void> {
    return inTemporaryFolder(async (folder) => {
      const path = join(folder, 'names.yaml')
      await writeFile(path, to('one.example'))
      const file = watched(fileLoader(path, { interval: NEVER }))
      await file.mapping.start(signal)
      await work(path, file, folder)
    })
  }

  /** A changed file is taken at the second look. */
  async function lookTwice({ mapping }: Watched): Promise<void> {
    await mapping.check()
    await mapping.check()
  }

  test('is in force from the start', () =>
    inFile(async (path, { alpine, mapping, versions, log }) => {
      expect(alpine()).toBe('ipns/one.example/alpine')
      expect(mapping.version).toBe(1)
      expect(versions).toEqual([1])
      expect(log).toEqual([`info: the mapping of names ${path} is in force, rules: 1`])
    }))

  test('refuses the start when it is missing, no file, too large, no UTF-8, or broken', () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, 'names.yaml')
      const start = async (file: string): Promise<Failure> => {
        const { mapping, log } = watched(fileLoader(file, { interval: NEVER }))
        const failure: unknown = await mapping.start(signal).catch((error: unknown) => error)
        expect(log).toEqual([])
        if (!(failure instanceof Failure)) throw new Error('it has started')
        expect(failure.code).toBe('SETTINGS_INVALID')
        expect(failure.message).toContain(file)
        return failure
      }
      expect((await start(path)).message).toContain('ENOENT')
      expect((await start(folder)).message).toContain('it is no file')
      await writeFile(path, '#'.repeat(2 ** 20 + 1))
      expect((await start(path)).message).toContain('larger than 1 MiB')
      await writeFile(path, Buffer.from([0xff, 0xfe, 0x41]))
      expect((await start(path)).message).toContain('is no UTF-8')
      await writeFile(path, 'names:\n  - name: alpine\n')
      expect((await start(path)).message).toContain(`${path} line 2: the rule has no "ipfs"`)
    }))

  test('changes when the file does, with a new version', () =>
    inFile(async (path, file) => {
      await lookTwice(file)
      expect(file.versions).toEqual([1])
      // Of the same size, and maybe within the same tick of the clock of the file system.
      await writeFile(path, to('two.example'))
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/two.example/alpine')
      expect(file.mapping.version).toBe(2)
      expect(file.versions).toEqual([1, 2])
      await lookTwice(file)
      expect(file.versions).toEqual([1, 2])
    }))

  test('is not taken while it is being written, also when half of it is a mapping', () =>
    inFile(async (path, file) => {
      await writeFile(path, '')
      await file.mapping.check()
      await writeFile(path, 'names: []')
      await file.mapping.check()
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      await writeFile(path, to('two.example'))
      await file.mapping.check()
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      await file.mapping.check()
      expect(file.alpine()).toBe('ipns/two.example/alpine')
      expect(file.versions).toEqual([1, 2])
      expect(file.log.filter((line) => !line.startsWith('info'))).toEqual([])
    }))

  test('stays when the new one is broken, which is logged once, and tried again when it changes', () =>
    inFile(async (path, file) => {
      await writeFile(path, 'names:\n  - name: alpine\n    order: first\n')
      await lookTwice(file)
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      const errors = file.log.filter((line) => line.startsWith('error'))
      expect(errors).toHaveLength(1)
      expect(errors[0]).toContain('line 2: the rule has no "ipfs"')
      expect(errors[0]).toContain('line 3 "order"')
      expect(errors[0]).toContain('the one before it stays in force')
      await writeFile(path, to('two.example'))
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/two.example/alpine')
      expect(file.mapping.version).toBe(2)
    }))

  test('that becomes again what it was is no change', () =>
    inFile(async (path, file) => {
      await writeFile(path, 'broken')
      await lookTwice(file)
      await writeFile(path, to('one.example'))
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      expect(file.versions).toEqual([1])
    }))

  test('stays while the file is gone, which is logged once', () =>
    inFile(async (path, file) => {
      await unlink(path)
      await lookTwice(file)
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      expect(file.log.filter((line) => line.startsWith('error') && line.includes('ENOENT'))).toHaveLength(1)
      await writeFile(path, to('two.example'))
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/two.example/alpine')
    }))

  test('changes when another file is renamed to its name', () =>
    inFile(async (path, file) => {
      await writeFile(`${path}.new`, to('two.example'))
      await rename(`${path}.new`, path)
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/two.example/alpine')
    }))

  test('changes when a link on the way to it leads elsewhere, as for a ConfigMap', () =>
    inTemporaryFolder(async (folder) => {
      for (const [version, host] of [
        ['v1', 'one.example'],
        ['v2', 'two.example'],
      ] as const) {
        await mkdir(join(folder, version))
        await writeFile(join(folder, version, 'names.yaml'), to(host))
      }
      await symlink('v1', join(folder, '..data'))
      await symlink('..data/names.yaml', join(folder, 'names.yaml'))
      const file = watched(fileLoader(join(folder, 'names.yaml'), { interval: NEVER }))
      await file.mapping.start(signal)
      expect(file.alpine()).toBe('ipns/one.example/alpine')
      await symlink('v2', join(folder, '..data_tmp'))
      await rename(join(folder, '..data_tmp'), join(folder, '..data'))
      await rm(join(folder, 'v1'), { recursive: true })
      await lookTwice(file)
      expect(file.alpine()).toBe('ipns/two.example/alpine')
    }))

  test('is looked at again and again without being told to', () =>
    inTemporaryFolder(async (folder) => {
      const path = join(folder, 'names.yaml')
      await writeFile(path, to('one.example'))
      let changed = (): void => undefined
      const secondVersion = new Promise<void>((resolve) => (changed = resolve))
      const file = watched(fileLoader(path, { interval: 5 }), {
        onChange: (version) => {
          if (version === 2) changed()
        },
      })
      await file.mapping.start(signal)
      await rm(path)
      await writeFile(path, to('two.example'))
      await secondVersion
      expect(file.alpine()).toBe('ipns/two.example/alpine')
    }))
})

describe('a mapping on IPFS', () => {
  /** What a network of one name has: the path it leads to and the files; `undefined` for what can't be had. */
  function network(where: string) {
    const asked: string[] = []
    const state: {
      path: string | undefined
      maxAge: number | undefined
      files: Map<string, string | Uint8Array>
    } = {
      path: '/ipfs/one/names.yaml',
      maxAge: undefined,
      files: new Map([['/ipfs/one/names.yaml', to('one.example')]]),
    }
    const access: IpfsMappingAccess = {
      resolve: async () => {
        asked.push('resolve')
        if (state.path === undefined) throw new Failure('NAME_UNRESOLVED', 'the name leads nowhere now')
        return { path: state.path, maxAge: state.maxAge }
      },
      read: async (path, { limit }) => {
        asked.push(path)
        const file = state.files.get(path)
        if (file === undefined) throw new Failure('CONTENT_UNAVAILABLE', 'no source has it')
        const bytes = Buffer.from(file)
        if (bytes.length > limit) throw new Failure('CONTENT_TOO_LARGE', 'too large')
        return bytes
      },
    }
    return { loader: ipfsLoader(where, access), state, asked }
  }

  const where = '/ipns/images.example.org/names.yaml'

  function recordOf(text?: string) {
    const kept: (string | undefined)[] = [text]
    return { kept, record: { get: async () => kept.at(-1), put: (one: string) => void kept.push(one) } }
  }

  test('is read when its name leads elsewhere, and only then', async () => {
    const { loader, state, asked } = network(where)
    const { kept, record } = recordOf()
    const ipfs = watched(loader, { record })
    await ipfs.mapping.start(signal)
    expect(ipfs.alpine()).toBe('ipns/one.example/alpine')
    await ipfs.mapping.check()
    state.path = '/ipfs/two/names.yaml'
    state.files.set('/ipfs/two/names.yaml', to('two.example'))
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/two.example/alpine')
    expect(asked).toEqual(['resolve', '/ipfs/one/names.yaml', 'resolve', 'resolve', '/ipfs/two/names.yaml'])
    expect(ipfs.versions).toEqual([1, 2])
    expect(kept).toEqual([undefined, to('one.example'), to('two.example')])
  })

  test.each([
    ['unknown', undefined, 60_000],
    ['short', 1, 10_000],
    ['long', 86_400, 3_600_000],
    ['as it is', 120, 120_000],
  ])('is asked for again after its time: %s', async (_what, maxAge, ms) => {
    const { loader, state } = network(where)
    state.maxAge = maxAge
    expect(await loader.load(signal)).toEqual({ text: to('one.example'), again: ms })
    expect(await loader.load(signal)).toEqual({ text: undefined, again: ms })
    expect(loader.retryAfter).toBe(10_000)
  })

  test('is never asked for again when its path is immutable', async () => {
    const { loader } = network('/ipfs/one/names.yaml')
    expect(await loader.load(signal)).toEqual({ text: to('one.example'), again: undefined })
  })

  test('is not known when it can not be had, and nothing is said of any name; later it is', async () => {
    const { loader, state } = network(where)
    state.path = undefined
    const ipfs = watched(loader, { record: recordOf().record })
    await ipfs.mapping.start(signal)
    expect(ipfs.alpine()).toBe('CONTENT_UNAVAILABLE')
    expect(() => ipfs.mapping.current()).toThrow(`${where} could not be read so far`)
    expect(ipfs.mapping.version).toBe(0)
    await ipfs.mapping.check()
    expect(ipfs.log).toEqual(['error: the name leads nowhere now\nnone is in force'])
    state.path = '/ipfs/one/names.yaml'
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/one.example/alpine')
  })

  test('falls back to the last good one of an earlier process', async () => {
    const { loader, state } = network(where)
    state.files.clear()
    const { kept, record } = recordOf(to('kept.example'))
    const ipfs = watched(loader, { record })
    await ipfs.mapping.start(signal)
    expect(ipfs.alpine()).toBe('ipns/kept.example/alpine')
    expect(ipfs.mapping.version).toBe(1)
    expect(ipfs.log.join('\n')).toContain('is the one of an earlier time')
    state.files.set('/ipfs/one/names.yaml', to('one.example'))
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/one.example/alpine')
    expect(kept).toEqual([to('kept.example'), to('one.example')])
  })

  test('does not when that is broken or can not be read', async () => {
    for (const get of [async () => 'broken', () => Promise.reject(new Error('disk failed'))]) {
      const { loader, state } = network(where)
      state.path = undefined
      const ipfs = watched(loader, { record: { get, put: () => undefined } })
      await ipfs.mapping.start(signal)
      expect(ipfs.alpine()).toBe('CONTENT_UNAVAILABLE')
      expect(ipfs.log.at(-1)).toContain('of an earlier time is of no use')
    }
  })

  test('prefers what is there to the record', async () => {
    const { loader } = network(where)
    const ipfs = watched(loader, { record: recordOf(to('kept.example')).record })
    await ipfs.mapping.start(signal)
    expect(ipfs.alpine()).toBe('ipns/one.example/alpine')
    expect(ipfs.versions).toEqual([1])
  })

  test.each<[string, string | Uint8Array, string]>([
    ['broken', 'names: 5', 'must be a list of rules'],
    ['too large', '#'.repeat(2 ** 20 + 1), 'is larger than 1 MiB'],
    ['no UTF-8', Buffer.from([0xff]), 'is no UTF-8'],
  ])('refuses no start when it is %s, nor changes then, and is not read again', async (_what, file, why) => {
    const { loader, state, asked } = network(where)
    const { kept, record } = recordOf(to('kept.example'))
    const ipfs = watched(loader, { record })
    state.files.set('/ipfs/one/names.yaml', file)
    await ipfs.mapping.start(signal)
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/kept.example/alpine')
    expect(ipfs.log.filter((line) => line.includes(why))).toHaveLength(1)
    expect(asked.filter((one) => one !== 'resolve')).toHaveLength(1)
    expect(kept).toHaveLength(1)
  })

  test('stays when its name can not be resolved or its file not be had later on', async () => {
    const { loader, state } = network(where)
    const ipfs = watched(loader)
    await ipfs.mapping.start(signal)
    state.path = undefined
    await ipfs.mapping.check()
    state.path = '/ipfs/two/names.yaml'
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/one.example/alpine')
    state.files.set('/ipfs/two/names.yaml', to('two.example'))
    await ipfs.mapping.check()
    expect(ipfs.alpine()).toBe('ipns/two.example/alpine')
  })
})

describe('a look', () => {
  /** A loader whose looks wait to be answered, or for their signal. */
  function waiting(required = false) {
    const answers: ((text: string) => void)[] = []
    const loader: MappingLoader = {
      where: '/ipns/slow.example',
      required,
      retryAfter: NEVER,
      load: (limit) =>
        new Promise((resolve, reject) => {
          answers.push((text) => resolve({ text, again: NEVER }))
          limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true })
        }),
    }
    return { loader, answers }
  }

  test('is joined by whoever asks for another meanwhile', async () => {
    const { loader, answers } = waiting()
    const slow = watched(loader)
    const looks = [slow.mapping.start(signal), slow.mapping.check(), slow.mapping.check()]
    expect(answers).toHaveLength(1)
    answers[0]?.(to('one.example'))
    await Promise.all(looks)
    expect(slow.alpine()).toBe('ipns/one.example/alpine')
    expect(slow.versions).toEqual([1])
  })

  test('is given up when its time is over', async () => {
    const slow = watched(waiting().loader, { lookTimeout: 5 })
    await slow.mapping.start(signal)
    expect(slow.alpine()).toBe('CONTENT_UNAVAILABLE')
    expect(slow.log).toEqual([
      'error: the mapping of names /ipns/slow.example did not come in time\nnone is in force',
    ])
  })

  test('ends with the signal of the start', async () => {
    const { loader, answers } = waiting()
    const slow = watched(loader, { record: { get: async () => to('kept.example'), put: () => undefined } })
    const abort = new AbortController()
    const started = slow.mapping.start(abort.signal)
    const reason = new Error('stopped before it began')
    abort.abort(reason)
    await expect(started).rejects.toBe(reason)
    await slow.mapping.check()
    expect(answers).toHaveLength(1)
    expect(slow.log).toEqual([])
  })

  test('ends with stop, after which there is none, and what is in force stays', async () => {
    const { loader, answers } = waiting()
    const slow = watched(loader)
    const started = slow.mapping.start(signal)
    answers[0]?.(to('one.example'))
    await started
    const look = slow.mapping.check()
    await slow.mapping.stop()
    await look
    await slow.mapping.check()
    expect(answers).toHaveLength(2)
    expect(slow.alpine()).toBe('ipns/one.example/alpine')
    expect(slow.log).toHaveLength(1)
  })

  test('that ends although it was stopped changes nothing', async () => {
    let answer = (_text: string): void => undefined
    const loader: MappingLoader = {
      ...waiting().loader,
      load: () => new Promise((resolve) => (answer = (text) => resolve({ text, again: 0 }))),
    }
    const slow = watched(loader)
    const look = slow.mapping.check()
    const stopped = slow.mapping.stop()
    answer(to('one.example'))
    await Promise.all([look, stopped])
    expect(slow.mapping.version).toBe(0)
  })
})
