import { expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { objectOf, render, renderText } from './harness/helm.ts'
import type { KubernetesObject, Values } from './harness/helm.ts'
import { INSTALLATIONS } from './harness/helm-values.ts'
import { kubeCheck } from './harness/kube-check.ts'
import { describeWith } from './harness/tools.ts'

const NAMES = Object.keys(INSTALLATIONS)

type Labels = Readonly<Record<string, string>>

/** A Deployment, DaemonSet or StatefulSet: what pods it makes. */
interface Workload {
  readonly labels: Labels
  readonly ports: readonly string[]
  readonly configMaps: readonly string[]
}

function workloadsOf(objects: readonly KubernetesObject[]): Workload[] {
  const templates = objects.flatMap(({ spec }) => (spec?.template === undefined ? [] : [spec.template]))
  return templates.map(({ metadata, spec }) => ({
    labels: metadata.labels,
    ports: spec.containers[0].ports.map(({ name }: { name: string }) => name),
    configMaps: spec.volumes.flatMap(
      ({ configMap }: { configMap?: { name: string } }) => configMap?.name ?? [],
    ),
  }))
}

function selects(selector: Labels, labels: Labels): boolean {
  return Object.entries(selector).every(([name, value]) => labels[name] === value)
}

// A kube-apiserver and its etcd, built for this from their modules, took more than nine minutes of processor time before
// they were done, and compilers of 430 MiB; this is the server's own code that decodes, defaults and validates
// what is created, and takes three.
describeWith(['helm', 'kube-check'], 'what Kubernetes says of the Helm chart', () => {
  test.each(NAMES)(
    '%s: everything would be created, and restricted but for ports and folders of nodes',
    async (name) => {
      const verdicts = await kubeCheck(await renderText(INSTALLATIONS[name] as Values))
      expect(verdicts.length).toBeGreaterThan(5)
      expect(verdicts.filter(({ refused }) => refused !== undefined)).toEqual([])
      const forbidden = verdicts.flatMap(({ restricted }) => restricted ?? [])
      expect(forbidden).toEqual(name === 'on every node' ? [expect.stringMatching(/hostPort.*hostPath/)] : [])
    },
  )

  test('all kinds are among them', async () => {
    const texts = await Promise.all(NAMES.map((name) => renderText(INSTALLATIONS[name] as Values)))
    const kinds = new Set((await kubeCheck(texts.join('\n---\n'))).map(({ kind }) => kind))
    expect([...kinds].sort()).toEqual([
      'ConfigMap',
      'DaemonSet',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Ingress',
      'NetworkPolicy',
      'PersistentVolumeClaim',
      'PodDisruptionBudget',
      'PrometheusRule',
      'Service',
      'ServiceAccount',
      'ServiceMonitor',
      'StatefulSet',
    ])
  })

  test.each([
    ['a field that there is not', 'replicas: 2', 'replica: 2', /unknown field "spec.replica"/],
    ['a field twice', 'replicas: 2', 'replicas: 2\n  replicas: 2', /already set/],
    [
      'a selector of other pods',
      /(selector:\n +matchLabels:\n +app.kubernetes.io\/name: )ipfs/,
      '$1other',
      /selector/,
    ],
    [
      'a port that can not be',
      'path: /livez, port: admin',
      'path: /livez, port: -1',
      /httpGet\.port: Invalid value/,
    ],
    ['a mount of no volume', 'name: tmp, mountPath', 'name: none, mountPath', /volumeMounts.*not found/i],
    ['root', 'runAsNonRoot: true', 'runAsNonRoot: false', /runAsNonRoot/],
  ])('%s is told', async (_, sound, broken, told) => {
    const text = await renderText({})
    const deployment = text.split('\n---\n').find((part) => part.includes('kind: Deployment')) ?? ''
    expect(deployment).toMatch(sound)
    const [verdict] = await kubeCheck(deployment.replace(sound, broken))
    expect(verdict?.refused ?? verdict?.restricted).toMatch(told)
  })

  test.each(NAMES)('%s: objects mean each other', async (name) => {
    const objects = await render(INSTALLATIONS[name] as Values)
    const workloads = workloadsOf(objects)
    const of = (kind: string): KubernetesObject[] => objects.filter((one) => one.kind === kind)
    const one = (selector: Labels): Workload => {
      const found = workloads.filter(({ labels }) => selects(selector, labels))
      expect([selector, found.length]).toEqual([selector, 1])
      return found[0] as Workload
    }
    for (const { spec } of of('Service')) {
      const { ports } = one(spec.selector as Labels)
      for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort)
    }
    for (const { spec } of of('NetworkPolicy')) {
      const { ports } = one(spec.podSelector.matchLabels as Labels)
      for (const rule of spec.ingress) for (const { port } of rule.ports) expect(ports).toContain(port)
    }
    for (const { spec } of of('PodDisruptionBudget')) one(spec.selector.matchLabels as Labels)
    for (const { spec } of of('HorizontalPodAutoscaler')) {
      expect(of('Deployment').map(({ metadata }) => metadata.name)).toEqual([spec.scaleTargetRef.name])
    }
    for (const { spec } of of('Ingress')) {
      const { service } = spec.rules[0].http.paths[0].backend
      const target = of('Service').find(({ metadata }) => metadata.name === service.name)
      expect(target?.spec.ports.map((port: { name: string }) => port.name)).toContain(service.port.name)
    }
    for (const { spec } of of('ServiceMonitor')) {
      const found = of('Service').filter(({ metadata }) =>
        selects(spec.selector.matchLabels, metadata.labels),
      )
      expect(found.map((service) => service.spec.ports[0].name)).toEqual([spec.endpoints[0].port])
    }
    const maps = of('ConfigMap').map(({ metadata }) => metadata.name)
    expect(maps).toEqual(expect.arrayContaining(workloads.flatMap(({ configMaps }) => configMaps)))
  })

  test('the gateways ask the Kubo of the chart, which lets nobody else in', async () => {
    const objects = await render({ kubo: { enabled: true } })
    const settings = parse(objectOf(objects, 'ConfigMap').data?.['config.yaml'] ?? '') as { source: string[] }
    const service = objectOf(objects, 'Service', '-kubo')
    expect(settings.source).toEqual(['embedded', `kubo=http://${service.metadata.name}:5001`])
    const { spec } = objectOf(objects, 'NetworkPolicy', '-kubo')
    const rules = spec.ingress.filter(({ ports }: { ports: { port: string }[] }) =>
      ports.some(({ port }) => port === 'rpc'),
    )
    expect(rules).toHaveLength(1)
    expect(rules[0].from).toEqual([
      { podSelector: { matchLabels: objectOf(objects, 'Deployment').spec.selector.matchLabels } },
    ])
  })
})
