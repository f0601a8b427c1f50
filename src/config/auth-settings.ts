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
    help: 'who may use the registry: users of a password file (bcrypt, read again when it changes), everybody (none), or auto: everybody, but no push from other machines',
  },
  'auth-rules': {
    group: 'Access',
    schema: value.authRules(),
    placeholder: 'private|public|FILE',
    default: 'private',
    help: 'what users may do: private: everything, others nothing; public: everything, others pull; or a YAML file of rules, read again when it changes',
  },
  'token-key': {
    group: 'Access',
    schema: value.path(),
    placeholder: 'FILE',
    defaultText: 'made anew at each start, on the loopback only',
    help: 'secret that tokens are signed with, the same for all gateways behind one address; one a line, the first signs',
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
    help: 'where clients reach this gateway, for the address of the token endpoint: https://registry.example.org',
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
