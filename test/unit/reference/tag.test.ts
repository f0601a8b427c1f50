import { expect, test } from '@jest/globals'
import { isTag } from '../../../src/reference/tag.ts'

test.each(['latest', '3.10.1', '_', 'A', 'v1_2-3.4', 'a'.repeat(128), `sha256-${'0'.repeat(64)}`])(
  '%s is a tag',
  (text) => {
    expect(isTag(text)).toBe(true)
  },
)

test.each(['', '.INVALID_MANIFEST_NAME', '-a', 'a b', 'a/b', 'a:b', 'a+b', 'a\n', 'ä', 'a'.repeat(129)])(
  '%j is none',
  (text) => {
    expect(isTag(text)).toBe(false)
  },
)
