// The parts of the Helm chart that come from elsewhere: the schema of its `config`, the table of its values, and copies of
// the rules and the dashboard, which a chart can't have outside its folder.
import { readFile, writeFile } from 'node:fs/promises'
import { isMap, parseDocument } from 'yaml'

export const CHART = new URL('../deploy/helm/ipfs-registry-gateway/', import.meta.url)

/** Files of the chart that are copies, and what they are copies of. */
export const COPIES = {
  'files/ipfs-registry.rules.yml': '../../prometheus/ipfs-registry.rules.yml',
  'files/ipfs-registry.json': '../../grafana/ipfs-registry.json',
}

const TABLE = /(?<=<!-- values: npm run docs -->\n)[^]*(?=\n<!-- end of values -->)/

/**
 * The values of values.yaml as rows: a key with a comment above it is a value, unless keys below it have comments.
 *
 * @param text of values.yaml
 * @returns { key: 'store.kind', standard: '"emptyDir"', comment: 'one line', children: false }[]
 */
export function valuesOf(text) {
  return rowsOf(parseDocument(text).contents, '')
}

function rowsOf(map, prefix) {
  return map.items.flatMap((pair, index) => {
    // What is before the first key of a map is the map's own comment to the parser.
    const own = pair.key.commentBefore ?? (index === 0 && prefix !== '' ? map.commentBefore : undefined)
    // A paragraph that an empty line ends is about what follows as a whole.
    const comment = (own ?? '').split('\n\n').at(-1)
    const key = prefix + pair.key.value
    const line = comment.replace(/\s*\n\s*/g, ' ').trim()
    const children = isMap(pair.value) ? rowsOf(pair.value, `${key}.`) : []
    const documented = children.some((row) => row.comment !== '')
    const row = { key, comment: line, standard: documented ? '' : JSON.stringify(pair.value.toJSON()) }
    return documented ? [...(line === '' ? [] : [row]), ...children] : [row]
  })
}

/** The table of README.md. */
export function valuesTable(text) {
  const cell = (part) => part.replaceAll('|', '\\|')
  const rows = valuesOf(text).map(
    ({ key, standard, comment }) =>
      `| \`${key}\` | ${standard === '' ? '' : `\`${cell(standard)}\``} | ${cell(comment)} |`,
  )
  return ['', '| Value | Default | Meaning |', '| --- | --- | --- |', ...rows, ''].join('\n')
}

/** README.md with the table in its place. */
export function withTable(readme, table) {
  if (!TABLE.test(readme)) throw new Error('README.md of the chart has no place for its values')
  return readme.replace(TABLE, () => table)
}

/** @param settings JSON Schema of the settings @returns what was written, as URLs */
export async function writeChart(settings) {
  const { format } = await import('prettier')
  const style = { printWidth: 110, singleQuote: true, semi: false }
  const read = (name) => readFile(new URL(name, CHART), 'utf8')
  const schema = JSON.parse(await read('values.schema.json'))
  schema.properties.config = settings
  const readme = withTable(await read('README.md'), valuesTable(await read('values.yaml')))
  const files = {
    'values.schema.json': await format(JSON.stringify(schema, null, 2), { ...style, parser: 'json' }),
    'README.md': await format(readme, { ...style, parser: 'markdown' }),
  }
  for (const [copy, original] of Object.entries(COPIES)) files[copy] = await read(original)
  const urls = Object.keys(files).map((name) => new URL(name, CHART))
  await Promise.all(Object.values(files).map((text, index) => writeFile(urls[index], text)))
  return urls
}
