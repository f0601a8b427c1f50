import { defaultUrl, knownAliases } from './upstream-name.ts'
import type {
  CredentialSetting,
  SecretSetting,
  UpstreamHostSetting,
  UpstreamSetting,
} from './upstream-setting.ts'

/**
 * What `parseUpstream` takes, without secrets. What a fall-back has besides its address, which only YAML can say,
 * stands behind it in parentheses.
 */
export function formatUpstream(upstream: UpstreamSetting): string {
  const [main, ...fallbacks] = upstream.hosts
  const known = knownAliases(upstream.name)
  const parts = [headOf(upstream.name, main)]
  for (const alias of upstream.aliases) if (!known.includes(alias)) parts.push(`alias=${alias}`)
  for (const host of fallbacks) {
    const options = hostOptions(host).join(';')
    parts.push(`fallback=${host.url}${options === '' ? '' : ` (${options})`}`)
  }
  if (main !== undefined) parts.push(...hostOptions(main))
  for (const glob of upstream.allow) parts.push(`allow=${glob}`)
  for (const glob of upstream.deny) parts.push(`deny=${glob}`)
  if (upstream.redirectClients) parts.push('redirect-clients=true')
  return parts.join(';')
}

function headOf(name: string, main: UpstreamHostSetting | undefined): string {
  const usual = /[.:]/.test(name) && main?.url === defaultUrl(name)
  return usual || main === undefined ? name : `${name}=${main.url}`
}

function hostOptions(host: UpstreamHostSetting): string[] {
  const parts = host.credentials === undefined ? [] : credentialOptions(host.credentials)
  if (host.caFile !== undefined) parts.push(`ca=${host.caFile}`)
  for (const { from, to } of host.rewrites) parts.push(`rewrite=${from}>${to}`)
  if (host.concurrency !== undefined) parts.push(`concurrency=${host.concurrency}`)
  if (host.rate !== undefined) parts.push(`rate=${host.rate}`)
  if (host.privateRedirects) parts.push('private-redirects=true')
  return parts
}

function credentialOptions(credentials: CredentialSetting): string[] {
  switch (credentials.kind) {
    case 'password':
      return [`username=${credentials.username}`, secretOption('password', credentials.password)]
    case 'identity-token':
      return [secretOption('identity-token', credentials.token)]
    case 'docker-config':
      return [`docker-config=${credentials.path}`]
    case 'helper':
      return [`credential-helper=${credentials.name}`]
  }
}

function secretOption(key: string, secret: SecretSetting): string {
  switch (secret.kind) {
    case 'value':
      return `${key}=***`
    case 'file':
      return `${key}-file=${secret.path}`
    case 'environment':
      return `${key}-env=${secret.name}`
  }
}
