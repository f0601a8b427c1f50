import { readFile } from 'node:fs/promises'
import { expect, test } from '@jest/globals'
import { createMetrics } from '../../src/observability/metrics.ts'
import { alertRules, dashboard, expressionsOf, metricsIn, RULES_TEST } from '../fixtures/watching-files.ts'

/** Names of all metrics that a gateway has, those of Node.js among them. */
async function metricNames(): Promise<Set<string>> {
  const exposed = createMetrics()
  const text = await exposed.expose()
  exposed.close()
  return new Set([...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name = '']) => name))
}

test('rules and panels name metrics that there are', async () => {
  const known = await metricNames()
  const shown = await dashboard()
  const expressions = [
    ...(await alertRules()).map(({ expr }) => expr),
    ...expressionsOf(shown).map(({ expr }) => expr),
    ...shown.annotations.list.map(({ expr }) => expr),
  ]
  const named = new Set(expressions.flatMap(metricsIn))
  expect([...named].filter((name) => !known.has(name))).toEqual([])
  expect([...known].filter((name) => name.startsWith('ipfs_registry_') && !named.has(name))).toEqual([])
})

test('each alert says how bad it is, what it is, and where to read on', async () => {
  const handbook = await readFile(new URL('../../docs/OPERATIONS.md', import.meta.url), 'utf8')
  const headings = [...handbook.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase())
  const tested = await readFile(RULES_TEST, 'utf8')
  const rules = await alertRules()
  expect(rules.length).toBeGreaterThan(10)
  for (const { alert, labels, annotations } of rules) {
    expect(['critical', 'warning']).toContain(labels.severity)
    expect(annotations.summary).toMatch(/\S.*\.$/)
    expect(annotations.description).toMatch(/\S.*\.$/)
    expect(annotations.runbook_url).toBe(`docs/OPERATIONS.md#${alert.toLowerCase()}`)
    expect(headings).toContain(alert.toLowerCase())
    expect(tested).toContain(`- name: ${alert}\n`)
  }
})

test('the dashboard is one that Grafana takes', async () => {
  const { uid, title, schemaVersion, panels, templating } = await dashboard()
  expect([uid, title]).toEqual(['ipfs-registry', 'ipfs-registry-gateway'])
  expect(schemaVersion).toBeGreaterThanOrEqual(36)
  expect(templating.list.map(({ name }) => name)).toEqual(['datasource', 'instance'])
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  const taken = new Set<string>()
  for (const { type, title: panel, gridPos, datasource, targets = [] } of panels) {
    expect(panel).not.toBe('')
    expect(['row', 'timeseries', 'stat']).toContain(type)
    expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24)
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        expect(taken).not.toContain(`${x} ${y}`)
        taken.add(`${x} ${y}`)
      }
    }
    if (type === 'row') continue
    expect(datasource?.uid).toBe('${datasource}')
    expect(targets.length).toBeGreaterThan(0)
    for (const target of targets) {
      expect(target.datasource.uid).toBe('${datasource}')
      expect(target.expr).toContain('instance=~"$instance"')
    }
  }
})
