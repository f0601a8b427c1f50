import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, test } from '@jest/globals'
import { parse } from 'yaml'
import { load } from '../fixtures/loaded-settings.ts'

const FOLDER = fileURLToPath(new URL('../../deploy/compose/', import.meta.url))

interface Service {
  readonly image: string
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly networks?: unknown
  readonly [key: string]: unknown
}

let services: Record<string, Service>
let volumes: string[]
beforeAll(async () => {
  const file = (await read('docker-compose.yml')) as {
    services: Record<string, Service>
    volumes: Record<string, unknown>
  }
  services = file.services
  volumes = Object.keys(file.volumes)
})

async function read(name: string): Promise<unknown> {
  return parse(await readFile(join(FOLDER, name), 'utf8'), { merge: true })
}

/** Where it is mounted → the path of it in this clone. */
function files(service: string): Map<string, string> {
  const mounts = (services[service]?.volumes ?? []).map((mount) => mount.split(':'))
  const ofFiles = mounts.filter(([from]) => from?.startsWith('.'))
  return new Map(ofFiles.map(([from = '', to = '']) => [to, join(FOLDER, from)]))
}

test('no service may write to its image, or gain what it has not', () => {
  for (const service of Object.values(services)) {
    expect(service).toMatchObject({
      read_only: true,
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    })
  }
})

test('only the registry and Grafana can be reached, from this machine', () => {
  const open = Object.entries(services).filter(([, { ports }]) => ports !== undefined)
  expect(open.map(([name]) => name)).toEqual(['nginx', 'grafana'])
  for (const [, { ports = [] }] of open) expect(ports.join()).toMatch(/^127\.0\.0\.1:[^,]+$/)
  expect(services['kubo']?.networks).toEqual(['ipfs'])
})

test('each image is of one version, and can be another', () => {
  for (const { image } of Object.values(services)) {
    expect(image).toMatch(/^\$\{[A-Z]+_IMAGE:-(ipfs-registry-gateway|\S+:v?\d+\.\d+\.\d+)\}$/)
  }
})

test('what is mounted is there, unchangeable, and what is kept has a volume', () => {
  const used = new Set<string>()
  for (const [name, { volumes: mounts = [] }] of Object.entries(services)) {
    for (const mount of mounts) {
      const [from = '', , mode] = mount.split(':')
      if (from.startsWith('.')) expect(mode).toBe('ro')
      else used.add(from)
    }
    for (const path of files(name).values()) expect(existsSync(path)).toBe(true)
  }
  expect([...used].sort()).toEqual([...volumes].sort())
})

test('what can be set is in .env, each with its default', async () => {
  const file = await readFile(join(FOLDER, 'docker-compose.yml'), 'utf8')
  const named = [...file.matchAll(/\$\{(\w+):-([^}]+)\}/g)].map(([, name, value]) => `#${name}=${value}`)
  const offered = (await readFile(join(FOLDER, '.env'), 'utf8')).match(/^#\w+=.*$/gm)
  expect(offered?.sort()).toEqual([...new Set(named)].sort())
})

test('the gateways start with the settings that are offered', async () => {
  const text = await readFile(join(FOLDER, 'gateway.env'), 'utf8')
  const lines = text.match(/^#?IPFS_REGISTRY_\w+=.*$/gm) ?? []
  const given = Object.fromEntries(
    lines.map((line) => [line.replace(/^#|=.*/g, ''), line.replace(/^.*?=/, '')]),
  )
  const { environment = {} } = services['gateway-1'] ?? {}
  const composed = Object.entries(environment).map(([name, value]) => [
    name,
    value.replace(/\$\{\w+:-([^}]+)\}/g, '$1'),
  ])
  const env = { IPFS_REGISTRY_LISTEN: '0.0.0.0:5000', ...given, ...Object.fromEntries(composed) }
  const { config } = await load({ env })
  expect(config).toMatchObject({ push: true, auth: { kind: 'none' } })
  expect(config.sources).toMatchObject([{ kind: 'kubo', url: 'http://kubo:5001' }])
})

test('Prometheus reads every gateway, under the name that the rules expect', async () => {
  const { rule_files: rules, scrape_configs: jobs } = (await read('prometheus.yml')) as {
    rule_files: string[]
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
  }
  const gateways = Object.keys(services).filter((name) => name.startsWith('gateway-'))
  expect(jobs).toEqual([
    {
      job_name: 'ipfs-registry',
      static_configs: [{ targets: gateways.map((name) => `${name}:5010`) }],
    },
  ])
  const mounted = files('prometheus')
  expect(rules.map((rule) => mounted.get(`/etc/prometheus/${rule}`))).toEqual([
    join(FOLDER, '../prometheus/ipfs-registry.rules.yml'),
  ])
})

test('nginx asks every gateway, at the address that it has', async () => {
  const fleet = await readFile(files('nginx').get('/etc/nginx/ipfs-registry.conf') ?? '', 'utf8')
  const asked = [...fleet.matchAll(/^ *server (\S+):5000 /gm)].map(([, host]) => host)
  const gateways = Object.entries(services).filter(([name]) => name.startsWith('gateway-'))
  expect(asked).toEqual(gateways.map(([name]) => name))
  expect(services['nginx']?.['extra_hosts']).toEqual(
    gateways.map(([name, { networks }]) => {
      const { default: address } = networks as Record<string, { ipv4_address: string }>
      return `${name}:${address?.ipv4_address}`
    }),
  )
})

test('Grafana finds its Prometheus and the dashboard, and shows that first', async () => {
  const mounted = files('grafana')
  const at = '/etc/grafana/provisioning'
  const sources = (await read('grafana/datasources.yml')) as { apiVersion: number; datasources: unknown[] }
  expect(mounted.get(`${at}/datasources/ipfs-registry.yml`)).toBe(join(FOLDER, 'grafana/datasources.yml'))
  expect(sources).toMatchObject({
    apiVersion: 1,
    datasources: [{ type: 'prometheus', url: 'http://prometheus:9090', isDefault: true }],
  })
  const { apiVersion, providers } = (await read('grafana/dashboards.yml')) as {
    apiVersion: number
    providers: { type: string; options: { path: string } }[]
  }
  expect(mounted.get(`${at}/dashboards/ipfs-registry.yml`)).toBe(join(FOLDER, 'grafana/dashboards.yml'))
  expect([apiVersion, providers.map(({ type }) => type)]).toEqual([1, ['file']])
  const shown = `${providers[0]?.options.path}/ipfs-registry.json`
  expect(services['grafana']?.environment?.['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH']).toBe(shown)
  expect(mounted.get(shown)).toBe(join(FOLDER, '../grafana/ipfs-registry.json'))
})
