// Writes the pages of docs/ and the parts of the Helm chart that come from tables in the source. Needs a build:
// `npm run docs`.
import { mkdir, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { errorsPage } from '../dist/cli/error-documentation.js'
import { configurationPage } from '../dist/config/documentation.js'
import { settingsSchema } from '../dist/config/json-schema.js'
import { metricsPage } from '../dist/observability/documentation.js'
import { writeChart } from './helm-chart.mjs'

const folder = new URL('../docs/', import.meta.url)
await mkdir(folder, { recursive: true })
for (const [name, text] of [
  ['CONFIGURATION.md', configurationPage()],
  ['ERRORS.md', errorsPage()],
  ['METRICS.md', metricsPage()],
]) {
  const file = new URL(name, folder)
  await writeFile(file, text)
  console.log(fileURLToPath(file))
}
for (const file of await writeChart(settingsSchema())) console.log(fileURLToPath(file))
