import { describe, expect, jest, test } from '@jest/globals'
import { CID } from 'multiformats/cid'
import { formatContentPath, type ContentPath } from '../../../src/content/source.ts'
import { Failure } from '../../../src/errors.ts'
import type { NameResolver } from '../../../src/naming/resolver.ts'
import { IpnsRepository } from '../../../src/repository/ipfs/ipns-repository.ts'
import type { ManifestAnswer, Repository } from '../../../src/repository/repository.ts'
import { digestOfBytes } from '../../fixtures/layouts.ts'

const root: ContentPath = {
  root: CID.parse('bafybeidixxsiukzjhvans2xkbh3mfzq4vhmou6mzkky5mzamkp6gsxwgve'),
  segments: [],
}
/** A root of its own for each name. */
const at = (name: string): ContentPath => ({ ...root, segments: [name] })
const DIGEST = digestOfBytes(Buffer.from('a manifest'))
const { signal } = new AbortController()

const missing = new Failure('MANIFEST_UNKNOWN', 'not in this root')
const unavailable = new Failure('CONTENT_UNAVAILABLE', 'nobody has it')

type Answer = 'here' | 'hangs' | Failure

/** What was asked, in order: `new`, `old`, `fresh`. */
function repositoryOver(answers: Record<string, Answer>, fresh = 'new') {
  const asked: string[] = []
  const ended: string[] = []
  const resolver: NameResolver = {
    resolve: (_name, options) =>
      Promise.resolve({
        path: at(options.fresh === true ? fresh : 'new'),
        maxAge: 60,
        staleSince: undefined,
        previous: [at('old')],
      }),
  }
  const repository = new IpnsRepository({
    name: { kind: 'dnslink', text: 'images.example.org' },
    segments: ['app'],
    resolver,
    at: (path) => {
      const [name = ''] = path.segments
      expect(path.segments.slice(1)).toEqual(['app'])
      const manifestByDigest: Repository['manifestByDigest'] = (_digest, own) => {
        asked.push(name)
        const answer = answers[name] ?? missing
        if (answer instanceof Failure) return Promise.reject(answer)
        if (answer === 'here') {
          return Promise.resolve({ contentPath: formatContentPath(path) } as ManifestAnswer)
        }
        return new Promise((_, reject) => {
          own.addEventListener('abort', () => {
            ended.push(name)
            reject(own.reason as Error)
          })
        })
      }
      return { manifestByDigest } as Repository
    },
  })
  return { repository, asked, ended }
}

const cidOf = (name: string): string => `${formatContentPath(at(name))}/app`

describe('a digest', () => {
  test('is taken from the newest root, and no other is asked', async () => {
    const { repository, asked } = repositoryOver({ new: 'here', old: 'here' })
    const answer = await repository.manifestByDigest(DIGEST, signal)
    expect(answer.contentPath).toBe(cidOf('new'))
    expect(asked).toEqual(['new'])
  })

  test.each([
    ['does not hold it', missing],
    ['can not be had', unavailable],
  ])('is taken from an earlier root when the newest %s', async (_, failure) => {
    const { repository } = repositoryOver({ new: failure, old: 'here' })
    expect((await repository.manifestByDigest(DIGEST, signal)).contentPath).toBe(cidOf('old'))
  })

  test('is taken from an earlier root when the newest is mute, which is then asked no more', async () => {
    jest.useFakeTimers()
    try {
      const { repository, ended } = repositoryOver({ new: 'hangs', old: 'here' })
      const answer = repository.manifestByDigest(DIGEST, signal)
      await jest.advanceTimersByTimeAsync(1000)
      expect((await answer).contentPath).toBe(cidOf('old'))
      expect(ended).toEqual(['new'])
    } finally {
      jest.useRealTimers()
    }
  })

  test('that no known root holds is looked for where the name leads now', async () => {
    const { repository, asked } = repositoryOver({ fresh: 'here' }, 'fresh')
    expect((await repository.manifestByDigest(DIGEST, signal)).contentPath).toBe(cidOf('fresh'))
    expect(asked).toEqual(['new', 'old', 'fresh'])
  })

  test('that is nowhere is not there, and each root was asked once', async () => {
    const { repository, asked } = repositoryOver({})
    await expect(repository.manifestByDigest(DIGEST, signal)).rejects.toBe(missing)
    expect(asked).toEqual(['new', 'old'])
  })

  test('is not there when the newest root says so, whatever has become of earlier ones', async () => {
    const { repository } = repositoryOver({ new: missing, old: unavailable })
    await expect(repository.manifestByDigest(DIGEST, signal)).rejects.toBe(missing)
  })

  test('can not be had when the newest root can not, even if an earlier one does not hold it', async () => {
    const { repository } = repositoryOver({ new: unavailable, old: missing })
    await expect(repository.manifestByDigest(DIGEST, signal)).rejects.toBe(unavailable)
  })

  test('is asked for no more when the client leaves', async () => {
    const client = new AbortController()
    const { repository, ended } = repositoryOver({ new: 'hangs' })
    const answer = repository.manifestByDigest(DIGEST, client.signal)
    const left = new Error('left')
    await new Promise((resolve) => setImmediate(resolve))
    client.abort(left)
    await expect(answer).rejects.toBe(left)
    expect(ended).toEqual(['new'])
  })
})
