import { LABELS, METRIC_PREFIX, METRICS } from './metric-definitions.ts'
import type { MetricDefinition } from './metric-definitions.ts'

/** docs/METRICS.md, from the table of metrics. */
export function metricsPage(): string {
  const metrics = Object.values<MetricDefinition>(METRICS)
  return `<!-- Generated from src/observability/metric-definitions.ts by \`npm run docs\`; do not edit. -->

# Metrics

\`/metrics\` on the listener of \`--admin-listen\` (127.0.0.1:5010 by default) gives them in the text format of
Prometheus, together with those that \`prom-client\` knows of Node.js: memory, event loop, garbage collection.

| Metric | Kind | Labels | Meaning |
|---|---|---|---|
${metrics.map(row).join('\n')}

## Labels

None holds what a client sent, so the number of series is bounded by the configuration.

| Label | Values |
|---|---|
${Object.entries(LABELS)
  .map(([label, values]) => `| \`${label}\` | ${values} |`)
  .join('\n')}

## Health

On the same listener:

- \`/\`: a page that shows how it is, and \`/status.json\`, the same for programs: see [OPERATIONS.md](OPERATIONS.md).
- \`/livez\`: 200 while the process answers. For restarts.
- \`/readyz\`: 200 when the store is open, a source answers and the gateway is not shutting down; else 503. The body says
  why, and what each source answered last. Readiness is lost only after several rounds without any source. For load
  balancers.
`
}

function row({ name, kind, labels, help }: MetricDefinition): string {
  const shown = labels.map((label) => `\`${label}\``).join(', ')
  return `| \`${METRIC_PREFIX}${name}\` | ${kind} | ${shown} | ${help} |`
}
