import type { SettingValues } from './config.ts'
import { isLoopback } from './exposure.ts'
import type { SettingName } from './settings.ts'

/** Who may do what, where others than the users of this machine can reach the gateway. */
export function checkAccess(
  values: Partial<SettingValues>,
  add: (name: SettingName, problem: string) => void,
): void {
  const { auth, authRules, listen, mirror = [], push, tokenKey } = values
  if (auth === undefined) return
  const known = auth.kind === 'htpasswd'
  if (!known && authRules !== undefined && authRules !== 'private')
    add('auth-rules', 'needs users to know: --auth htpasswd=FILE')
  const open = [listen, ...mirror.map(({ address }) => address)].find(
    (address) => address !== undefined && !isLoopback(address.host),
  )
  if (open === undefined) return
  if (push === true && auth.kind === 'auto') {
    add(
      'push',
      `lets whoever reaches ${open.host} write, so it needs to know who that is: name a password file ` +
        '(--auth htpasswd=FILE), say --auth none if something in front asks who they are, or listen on 127.0.0.1',
    )
  }
  if (known && tokenKey === undefined) {
    add(
      'auth',
      `needs --token-key FILE on ${open.host}: the secret that tokens are signed with, the same for every gateway ` +
        'behind one address; make one by: openssl rand -hex 32 > FILE',
    )
  }
}
