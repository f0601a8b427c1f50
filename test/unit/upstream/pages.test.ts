import { expect, test } from '@jest/globals'
import { nextPageIn } from '../../../src/upstream/pages.ts'

test.each([
  ['</v2/a/tags/list?n=2&last=b>; rel="next"', 'n=2&last=b'],
  ['<https://evil.example/v2/other/tags/list?last=b>; rel=next', 'last=b'],
  ['<tags/list?last=b%2Bc>; title="x"; rel="prev next"', 'last=b%2Bc'],
  ['</first?last=a>; rel="first", </v2/a/tags/list?last=c>; REL="NEXT"', 'last=c'],
  ['</v2/a/tags/list>; rel="next"', undefined],
  ['</v2/a/tags/list?last=b>; rel="prev"', undefined],
  ['</v2/a/tags/list?last=b>', undefined],
  ['<http://[>; rel="next"', undefined],
  ['nonsense', undefined],
  ['', undefined],
])('%s', (link, query) => {
  expect(nextPageIn(link)?.toString()).toBe(query)
})

test('reads a header that only begins links, again and again, in one go', () => {
  expect(nextPageIn('<'.repeat(2_000_000))).toBeUndefined()
})
