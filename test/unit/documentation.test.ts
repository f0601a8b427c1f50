import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { errorsPage } from '../../src/cli/error-documentation.ts'
import { configurationPage } from '../../src/config/documentation.ts'
import { SETTING_NAMES } from '../../src/config/settings.ts'
import { ERRORS } from '../../src/errors.ts'
import { metricsPage } from '../../src/observability/documentation.ts'
import { METRICS } from '../../src/observability/metric-definitions.ts'

test.each([
  ['CONFIGURATION.md', configurationPage],
  ['ERRORS.md', errorsPage],
  ['METRICS.md', metricsPage],
])('docs/%s is up to date (else: npm run docs)', async (name, page) => {
  expect(await readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8')).toBe(page())
})

test('the pages are complete, their tables whole', () => {
  for (const name of SETTING_NAMES) expect(configurationPage()).toContain(`\`--${name}`)
  for (const code of Object.keys(ERRORS)) expect(errorsPage()).toContain(`\`${code}\``)
  for (const { name } of Object.values(METRICS)) expect(metricsPage()).toContain(`\`ipfs_registry_${name}\``)
  for (const page of [configurationPage(), errorsPage(), metricsPage()]) {
    for (const table of page.split('\n\n').filter((block) => block.startsWith('| '))) {
      const widths = table
        .trimEnd()
        .split('\n')
        .map((line) => line.replaceAll('\\|', '').split('|').length)
      expect(new Set(widths).size).toBe(1)
    }
  }
})
