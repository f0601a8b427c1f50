import { readFile } from 'node:fs/promises'
import { beforeAll, expect, test } from '@jest/globals'
import { settingsSchema } from '../../src/config/json-schema.ts'
import { SETTING_NAMES, settingOf } from '../../src/config/settings.ts'

/** What test files need of scripts/helm-chart.mjs, which is no TypeScript. */
interface HelmChart {
  readonly CHART: URL
  readonly COPIES: Readonly<Record<string, string>>
  valuesOf(text: string): { key: string; comment: string }[]
  valuesTable(text: string): string
  withTable(readme: string, table: string): string
}

let chart: HelmChart

beforeAll(async () => {
  chart = (await import(new URL('../../scripts/helm-chart.mjs', import.meta.url).href)) as HelmChart
})

function read(name: string): Promise<string> {
  return readFile(new URL(name, chart.CHART), 'utf8')
}

/** Tables are aligned by prettier. */
function unaligned(markdown: string): string {
  return markdown.replace(/ +/g, ' ').replace(/-{3,}/g, '---')
}

test('the schema has the settings of the program (else: npm run docs)', async () => {
  const schema = JSON.parse(await read('values.schema.json')) as { properties: { config: unknown } }
  expect(schema.properties.config).toEqual(settingsSchema())
})

test('every setting is in the schema, its default in the form that it wants', () => {
  const { properties } = settingsSchema() as { properties: Record<string, Record<string, unknown>> }
  expect(Object.keys(properties)).toEqual(SETTING_NAMES)
  for (const name of SETTING_NAMES) {
    const { default: standard, repeatable } = settingOf(name)
    const schema = (repeatable ? properties[name]?.['items'] : properties[name]) as Record<string, unknown>
    if (standard === undefined) continue
    if (typeof schema['pattern'] === 'string') expect(standard).toMatch(new RegExp(schema['pattern']))
    if (Array.isArray(schema['enum'])) expect(schema['enum']).toContain(standard)
    if (schema['type'] === 'boolean') expect(['true', 'false']).toContain(standard)
    if (schema['type'] === 'integer') expect(standard).toMatch(/^\d+$/)
  }
})

test.each([
  ['cache-size', ['1048576', '64MiB', '20GB', '1.5 GiB', '7b'], ['much', '20 Gigs', '-1', '20Gi B']],
  ['tag-ttl', ['0', '500ms', '1h30m', '0.5d'], ['5', '5 s', '-5s', 'soon', '']],
  ['listen', ['0.0.0.0:5000', '[::1]:5000', ':5000'], ['5000', 'localhost', 'host:port']],
])('%s is judged as the program judges it', (name, good, bad) => {
  const { properties } = settingsSchema() as { properties: Record<string, { pattern: string }> }
  const pattern = new RegExp(properties[name]?.pattern ?? '')
  const schema = settingOf(name as 'listen').schema
  const judged = (text: string): boolean[] => [pattern.test(text), schema.safeParse(text).success]
  for (const text of good) expect([text, ...judged(text)]).toEqual([text, true, true])
  for (const text of bad) expect([text, ...judged(text)]).toEqual([text, false, false])
})

test('every value has a comment and a row in the table of README.md (else: npm run docs)', async () => {
  const values = await read('values.yaml')
  const rows = chart.valuesOf(values)
  expect(rows.length).toBeGreaterThan(80)
  expect(rows.filter(({ comment }) => !/^\S.*\.$/.test(comment)).map(({ key }) => key)).toEqual([])
  const readme = await read('README.md')
  expect(unaligned(readme)).toBe(unaligned(chart.withTable(readme, chart.valuesTable(values))))
})

test('the rules and the dashboard are those of deploy/ (else: npm run docs)', async () => {
  expect(Object.keys(chart.COPIES)).toHaveLength(2)
  for (const [copy, original] of Object.entries(chart.COPIES))
    expect(await read(copy)).toBe(await read(original))
})

test('the version is that of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await read('Chart.yaml')).toContain(`\nappVersion: ${version}\n`)
})
