import type { Setting } from './setting.ts'
import * as value from './value.ts'

const DAY = 24 * 60 * 60 * 1000

/** The rows of the table of settings that are about who may do what. */
export const AUTH_SETTINGS = {
  auth: {
    group: 'Access',
    schema: value.auth(),
    placeholder: 'auto|none|htpasswd=FILE',
    default: 'auto',
    help: 'users of a password file (bcrypt), none: everybody may do everything, auto: so, but push from this machine only',
  },
  'auth-rules': {
    group: 'Access',
    schema: value.authRules(),
    placeholder: 'private|public|FILE',
    default: 'private',
    help: 'private: users may do everything, others nothing; public: others pull; or a YAML file of rules',
  },
  'token-key': {
    group: 'Access',
    schema: value.path(),
    placeholder: 'FILE',
    defaultText: 'made anew at each start, on the loopback only',
    help: 'secrets of tokens, one a line, the first signs; the same for all gateways behind one address',
  },
  'token-lifetime': {
    group: 'Access',
    schema: value.duration({ min: 60_000, max: DAY }),
    placeholder: 'DURATION',
    default: '5m',
    help: 'how long a token is good for',
  },
  'public-url': {
    group: 'Access',
    schema: value.publicUrl(),
    placeholder: 'URL',
    defaultText: "of each request: its `Host`, and its scheme or a trusted proxy's `X-Forwarded-Proto`",
    help: 'where clients reach this gateway and its token endpoint, as https://registry.example.org',
  },
  'trusted-proxy': {
    group: 'Access',
    schema: value.network(),
    placeholder: 'IP[/BITS]',
    default: '127.0.0.0/8,::1',
    repeatable: true,
    help: 'proxies whose X-Forwarded-Proto and X-Forwarded-For are believed',
  },
} as const satisfies Record<string, Setting>
