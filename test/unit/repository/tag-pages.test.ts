import { describe, expect, test } from '@jest/globals'
import { pageOf, type TagsWanted } from '../../../src/repository/tag-pages.ts'
import { queryOf, tagPageOf } from '../../../src/repository/upstream/tag-query.ts'

const wanted = (given: Partial<TagsWanted> = {}): TagsWanted => ({
  limit: undefined,
  last: undefined,
  more: new URLSearchParams(),
  ...given,
})

describe('a whole list of very many tags', () => {
  const many = Array.from({ length: 10_001 }, (_, n) => `t${String(n).padStart(6, '0')}`)

  test.each([undefined, 20_000])('comes in pages, also when all are asked for at once (%s)', (limit) => {
    const { tags, next } = pageOf(many, wanted({ limit }))
    expect(tags).toEqual(many.slice(0, 10_000))
    expect(next?.toString()).toBe('n=10000&last=t009999')
  })
})

describe('a page of an upstream', () => {
  const page = (tags: readonly string[], next?: string) => ({
    tags,
    next: next === undefined ? undefined : new URLSearchParams(next),
    source: 'an upstream',
  })

  test('is asked for with what its own link said', () => {
    const more = new URLSearchParams('next_page=abc%3D')
    expect(queryOf(wanted({ limit: 3, last: 'b', more })).toString()).toBe('next_page=abc%3D&n=3&last=b')
  })

  test('is passed on in its order', () => {
    const given = page(['b', 'a'], 'last=a&n=2')
    const { tags, next } = tagPageOf(given, wanted({ limit: 2 }))
    expect(tags).toEqual(['b', 'a'])
    expect(next?.toString()).toBe('last=a&n=2')
  })

  test('of no tags is asked for as one of one, and has none', () => {
    expect(queryOf(wanted({ limit: 0 })).get('n')).toBe('1')
    expect(tagPageOf(page(['a'], 'last=a&n=1'), wanted({ limit: 0 }))).toEqual({ tags: [], next: undefined })
  })

  test('of a registry that knows no pages is cut out here, each tag once', () => {
    const all = page(['d', 'a', 'c', 'b', 'e'])
    const seen: string[] = []
    let want: TagsWanted | undefined = wanted({ limit: 2 })
    while (want !== undefined) {
      const { tags, next } = tagPageOf(all, want)
      seen.push(...tags)
      want = next === undefined ? undefined : wanted({ limit: 2, last: next.get('last') ?? undefined })
    }
    expect(seen).toEqual(['a', 'b', 'c', 'd', 'e'])
  })
})
