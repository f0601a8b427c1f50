import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { parseMapping } from '../../../src/mapping/mapping-file.ts'
import { parseNamePattern } from '../../../src/reference/name-pattern.ts'

// docs/MAPPING.md says what is so.

const page = await readFile(new URL('../../../docs/MAPPING.md', import.meta.url), 'utf8')
const examples = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(([, text = '']) => text)

function find(example: number, name: string) {
  const mapping = parseMapping(examples[example] ?? '', {
    where: `example ${example}`,
    sources: ['embedded', 'kubo', 'gateway', 'dns'],
  })
  return mapping.find(name)
}

test('each example is a mapping', () => {
  expect(examples.length).toBeGreaterThan(3)
  for (const index of examples.keys()) expect(find(index, 'x.example/none/of/them')).toBeUndefined()
})

test('the examples say what they are there for', () => {
  expect(find(0, 'docker.io/library/alpine')?.path).toBe('ipns/images.example.org/alpine')
  expect(find(0, 'ghcr.io/acme/app')?.path).toMatch(/^ipns\/k51[a-z0-9]+\/app$/)
  expect(find(0, 'ghcr.io/acme-internal/a/b')).toMatchObject({
    order: 'ipfs-only',
    sources: ['embedded', 'kubo'],
  })
  expect(find(1, 'ghcr.io/acme/base')?.order).toBe('ipfs-only')
  expect(find(2, 'ghcr.io/acme/team/app')?.path).toBe('ipns/acme.example.org/team/app')
  expect(find(3, 'docker.io/acme/secret')?.sources).toEqual(['embedded'])
  expect(find(3, 'docker.io/acme/app')?.path).toBe('ipns/images.acme.example/app')
})

test('the wildcards stand for what the table says', () => {
  const rows = [...page.matchAll(/^\| `(\S+)` +\| `(\S+)` +\| (?:`(\S+)`|no match) +\| +(?:`(\S+)` +)?\|$/gm)]
  expect(rows).toHaveLength(5)
  for (const [row, pattern = '', name = '', ...captures] of rows) {
    const given = captures.filter((one) => one !== undefined)
    expect({ row, captures: parseNamePattern(pattern).match(name) ?? [] }).toEqual({ row, captures: given })
  }
})

test('mistakes look as they do there', () => {
  const text = `names:
  - name: ghcr.io/acme/app
    ipfs: /ipns/images.example.org/app
    oder: ipfs-only
  - name: ghcr.io/acme/*
    ipfs: /ipns/images.example.org/$2
`
  const read = () => parseMapping(text, { where: 'names.yaml', sources: [] })
  const [shown = ''] = /(?<= {4}ipfs-registry: )the mapping .*:(\n {6}.*)+/.exec(page) ?? []
  expect(shown).not.toBe('')
  expect(read).toThrow(shown.replaceAll('\n    ', '\n'))
})
