import type { Values } from './helm.ts'

const USERS = { htpasswd: 'users', tokenKey: 'tokens' }

/** Ways to install the chart, by name. */
export const INSTALLATIONS: Readonly<Record<string, Values>> = {
  default: {},
  'on every node': {
    mode: 'daemonset',
    config: { mirror: ['0.0.0.0:5001=docker.io'], 'ipfs-gateway': '0.0.0.0:8080' },
    store: { kind: 'hostPath' },
    tolerations: [{ operator: 'Exists' }],
  },
  'with a Kubo that is pushed to': {
    kubo: { enabled: true, swarm: { type: 'LoadBalancer' } },
    config: { push: true, 'auth-rules': 'public' },
    secrets: { ...USERS, ipnsKeys: 'names' },
    ingress: { enabled: true, host: 'registry.example.org' },
  },
  'with a store that is pushed to': {
    replicas: 1,
    store: { kind: 'claim', size: '200Gi', storageClass: 'fast' },
    config: { push: true, upstream: ['none'], 'ipns-router': ['http://127.0.0.1:1'] },
    secrets: { ...USERS, ipnsKeys: 'names' },
  },
  'as oci-registry-p2p was': {
    config: {
      source: ['kubo=/dns4/ipfs/tcp/5001'],
      push: true,
      root: ['home=registry'],
      'read-only-root': ['k51qzi5uqu5dgutdk6i1ynyzgkqngpha5xpgia3a5qqp4jsh0u4csozksxel2r'],
      'public-url': 'https://registry.example.org',
      'auth-rules': 'public',
    },
    secrets: { ...USERS, tls: 'certificate' },
  },
  'with everything on': {
    fullnameOverride: 'registry-ipfs-registry-gateway',
    image: { repository: 'registry.example.org/gateway', digest: `sha256:${'0'.repeat(64)}` },
    imagePullSecrets: [{ name: 'pull' }],
    config: {
      source: ['embedded', { kind: 'gateway', url: 'https://ipfs.example.org', 'token-file': file('ipfs') }],
      upstream: ['docker.io', { name: 'ghcr.io', username: 'robot', 'password-file': file('ghcr') }],
      'default-upstream': 'docker.io',
      'auth-rules': '/etc/ipfs-registry/rules.yaml',
      map: '/etc/ipfs-registry/names.yaml',
      'trusted-proxy': ['10.0.0.0/8'],
      'read-only-root': ['images.example.org'],
      'cache-size': 21474836480,
      'memory-cache-size': '128MiB',
      'max-requests': 1000000,
      'tag-ttl': 0,
      'shutdown-grace': '1h30m',
      'ipfs-gateway': 'off',
      'log-level': 'warn',
      relay: false,
    },
    files: {
      'rules.yaml': "- { users: '*', repositories: ['**'], actions: pull }\n",
      'names.yaml': 'rules: []\n',
    },
    env: [{ name: 'HTTPS_PROXY', value: 'http://proxy:3128' }],
    secrets: { ...USERS, tls: 'certificate', credentials: 'credentials', ca: 'authorities' },
    store: { kind: 'ephemeral' },
    autoscaling: { enabled: true, requestsInFlight: 100 },
    spread: { whenUnsatisfiable: 'DoNotSchedule' },
    ingress: {
      enabled: true,
      host: 'registry.example.org',
      annotations: { 'cert-manager.io/issuer': 'ours' },
    },
    networkPolicy: { from: [{ podSelector: {} }], egress: [{ to: [{ podSelector: {} }] }] },
    metrics: {
      serviceMonitor: { enabled: true, labels: { release: 'prometheus' } },
      rules: { enabled: true, labels: { release: 'prometheus' } },
      dashboard: { enabled: true },
    },
    podLabels: { team: 'images' },
    podAnnotations: { note: 'ours' },
    nodeSelector: { 'kubernetes.io/os': 'linux' },
    affinity: { nodeAffinity: {} },
    priorityClassName: 'system-cluster-critical',
    kubo: { enabled: true, affinity: { nodeAffinity: {} } },
  },
}

function file(key: string): string {
  return `/run/secrets/ipfs-registry/credentials/${key}`
}

/** Values that are wrong, each with what has to be in the refusal. */
export const MISTAKES: readonly (readonly [Values, string])[] = [
  [{ replica: 3 }, "'replica'"],
  [{ replicas: 'many' }, '/replicas'],
  [{ mode: 'statefulset' }, '/mode'],
  [{ store: { size: 'large' } }, '/store/size'],
  [{ secrets: { htpasswd: 'Not A Name' } }, '/secrets/htpasswd'],
  [{ config: { 'cach-size': '1GiB' } }, "'cach-size'"],
  [{ config: { 'cache-size': 'much' } }, '/config/cache-size'],
  [{ config: { push: 'perhaps' } }, '/config/push'],
  [{ config: { 'shutdown-grace': 30 } }, '/config/shutdown-grace'],
  [{ config: { 'log-level': 'chatty' } }, '/config/log-level'],
  [{ config: { 'max-requests': '1000' } }, '/config/max-requests'],
  [{ config: { source: 'kubo=http://ipfs:5001' } }, '/config/source'],
  [{ config: { 'ipfs-gateway': false } }, '/config/ipfs-gateway'],
  [{ config: { listen: '127.0.0.1:5000' } }, 'config.listen'],
  [{ config: { listen: 5000 } }, '/config/listen'],
  [{ config: { 'admin-listen': 'off' } }, 'config.admin-listen'],
  [{ config: { push: true, auth: 'none' } }, 'config.push'],
  [{ config: { push: true }, kubo: { enabled: true } }, 'secrets.htpasswd'],
  [{ secrets: { htpasswd: 'users' } }, 'secrets.tokenKey'],
  [{ store: { kind: 'claim' } }, 'store.kind'],
  [{ ingress: { enabled: true } }, 'ingress.host'],
  [{ autoscaling: { enabled: true, cpuPercent: 0 } }, 'autoscaling.requestsInFlight'],
  [{ mode: 'daemonset', autoscaling: { enabled: true } }, 'autoscaling.enabled'],
  [{ files: { 'config.yaml': '' } }, 'files'],
]
