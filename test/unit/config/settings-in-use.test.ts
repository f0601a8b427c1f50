import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from '@jest/globals'
import { parseSource } from '../../../src/config/source-setting.ts'
import { propertyOf, SETTING_NAMES } from '../../../src/config/settings.ts'
import { readSourceTree } from '../../fixtures/source-tree.ts'

/** Settings that src/config itself turns into something else, and what is used in their place. */
const TURNED_INTO: Readonly<Record<string, string>> = {
  source: 'sources',
  'source-concurrency': 'concurrency',
  tokenFile: 'headers',
  upstream: 'upstreams',
  'upstream-concurrency': 'concurrency',
  mirror: 'mirrors',
  webhook: 'webhooks',
}

/** What is outside src/config, without comments. */
let code = ''

beforeAll(async () => {
  const paths = (await readSourceTree()).map(({ path }) => path).filter((path) => !path.startsWith('config/'))
  const texts = paths.map((path) => readFile(new URL(`../../../src/${path}`, import.meta.url), 'utf8'))
  code = (await Promise.all(texts)).join('\n').replace(/\/\*.*?\*\/|^\s*\/\/[^\n]*/gms, '')
})

/** `object.property`, or `{ property } = object`. */
function isRead(object: string, property: string): boolean {
  const access = new RegExp(`\\b${object}\\.${property}\\b`)
  const destructured = new RegExp(`\\{[^{}]*\\b${property}\\b[^{}]*\\} = (?:\\w+\\.)*${object}\\b`)
  return access.test(code) || destructured.test(code)
}

function isInUse(name: string): boolean {
  const property = TURNED_INTO[name] ?? propertyOf(name)
  return isRead('config', property) || isRead('setting', property)
}

test.each(SETTING_NAMES)('--%s has an effect', (name) => expect(isInUse(name)).toBe(true))

test.each(Object.keys(parseSource('gateway=https://gateway.example.org')))(
  'the option %s of a source has an effect',
  (option) => expect(isRead('setting', TURNED_INTO[option] ?? option)).toBe(true),
)

test('a setting without effect would be seen', () => expect(isRead('config', 'cacheColour')).toBe(false))
