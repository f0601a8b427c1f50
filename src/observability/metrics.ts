import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { METRIC_PREFIX, METRICS } from './metric-definitions.ts'
import type { MetricDefinition } from './metric-definitions.ts'
import { LabelledSums, type LabelledSum } from './labelled-sums.ts'

type Labels<L extends string> = Readonly<Record<L, string>>

/** Arguments of a call: the labels, unless the metric has none. */
type With<L extends string, Rest extends unknown[]> = [L] extends [never]
  ? Rest
  : [labels: Labels<L>, ...rest: Rest]

export interface CounterMetric<L extends string> {
  /** By one, where no count is given. */
  add(...args: With<L, [count?: number]>): void
}

export interface GaugeMetric<L extends string> {
  set(...args: With<L, [value: number]>): void
  add(...args: With<L, [difference: number]>): void
}

export interface HistogramMetric<L extends string> {
  observe(...args: With<L, [seconds: number]>): void
}

type Definitions = typeof METRICS
type MetricOf<D extends MetricDefinition> = D['kind'] extends 'counter'
  ? CounterMetric<D['labels'][number]>
  : D['kind'] extends 'gauge'
    ? GaugeMetric<D['labels'][number]>
    : HistogramMetric<D['labels'][number]>

/** One object per row of {@link METRICS}: `metrics.cacheHits.add({ cache: 'blobs' })`. */
export type Metrics = { readonly [K in keyof Definitions]: MetricOf<Definitions[K]> }

/** Metrics that someone can read. */
export interface ExposedMetrics {
  readonly metrics: Metrics
  readonly contentType: string
  /** The text that Prometheus reads. */
  readonly expose: () => Promise<string>
  /** What a counter or gauge has come to, for each combination of labels so far; nothing for a histogram. */
  readonly sums: (metric: keyof Metrics) => Iterable<LabelledSum>
  /** Stop watching the process. */
  readonly close: () => void
}

/** Metrics in a registry of their own, those of Node.js among them. */
export function createMetrics(options: { processMetrics?: boolean } = {}): ExposedMetrics {
  const registry = new Registry()
  if (options.processMetrics ?? true) collectDefaultMetrics({ register: registry })
  const sums = new Map<string, LabelledSums>()
  const metrics = build((definition) => {
    const own = new LabelledSums(definition.labels)
    sums.set(definition.name, own)
    return promMetric(definition, own, registry)
  })
  return {
    metrics,
    contentType: registry.contentType,
    expose: () => registry.metrics(),
    sums: (metric) => sums.get(METRICS[metric].name) ?? [],
    close: () => registry.clear(),
  }
}

/** Counts nothing. */
export function noMetrics(): Metrics {
  const ignore = (): void => undefined
  return build(() => ({ add: ignore, set: ignore, observe: ignore }))
}

/** What the metrics are made of: one function per way to change them; labels may be left out. */
export interface MetricPrimitive {
  readonly add: (labels: Readonly<Record<string, string>>, value: number) => void
  readonly set: (labels: Readonly<Record<string, string>>, value: number) => void
  readonly observe: (labels: Readonly<Record<string, string>>, value: number) => void
}

/** All metrics of the table over something that keeps them, for instance a list in a test. */
export function build(make: (definition: MetricDefinition) => MetricPrimitive): Metrics {
  const rows = Object.entries<MetricDefinition>(METRICS).map(([key, definition]) => {
    const primitive = make(definition)
    return [key, definition.labels.length === 0 ? withoutLabels(primitive) : withLabels(primitive)]
  })
  return Object.fromEntries(rows) as Metrics
}

function withLabels({ add, set, observe }: MetricPrimitive) {
  return {
    add: (labels: Labels<string>, value = 1) => add(labels, value),
    set,
    observe,
  }
}

const NO_LABELS = {}

function withoutLabels({ add, set, observe }: MetricPrimitive) {
  return {
    add: (value = 1) => add(NO_LABELS, value),
    set: (value: number) => set(NO_LABELS, value),
    observe: (value: number) => observe(NO_LABELS, value),
  }
}

function promMetric(definition: MetricDefinition, sums: LabelledSums, registry: Registry): MetricPrimitive {
  const options = {
    name: METRIC_PREFIX + definition.name,
    help: definition.help,
    labelNames: [...definition.labels],
    registers: [registry],
  }
  const never = (): never => {
    throw new TypeError(`${options.name} is a ${definition.kind}`)
  }
  switch (definition.kind) {
    case 'counter': {
      const collect = function (this: Counter): void {
        this.reset()
        for (const { labels, value } of sums) this.inc(labels, value)
      }
      new Counter({ ...options, collect })
      return { add: (labels, value) => sums.add(labels, value), set: never, observe: never }
    }
    case 'gauge': {
      const collect = function (this: Gauge): void {
        for (const { labels, value } of sums) this.set(labels, value)
      }
      new Gauge({ ...options, collect })
      return {
        add: (labels, value) => sums.add(labels, value),
        set: (labels, value) => sums.set(labels, value),
        observe: never,
      }
    }
    case 'histogram': {
      const histogram = new Histogram({ ...options, buckets: [...(definition.buckets ?? [])] })
      return { add: never, set: never, observe: (labels, value) => histogram.observe(labels, value) }
    }
  }
}
