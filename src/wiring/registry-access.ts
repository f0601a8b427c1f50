import { Attempts } from '../auth/attempts.ts'
import { Clients } from '../auth/client.ts'
import { parseHtpasswd } from '../auth/htpasswd-file.ts'
import { LiveFile } from '../auth/live-file.ts'
import { Passwords, preparePasswords } from '../auth/passwords.ts'
import { RegistryAccess } from '../auth/registry-access.ts'
import { Rights } from '../auth/rights.ts'
import { parseRules, PRIVATE_RULES, PUBLIC_RULES } from '../auth/rules-file.ts'
import type { Rules } from '../auth/rules.ts'
import { newSigningKeys, parseSigningKeys } from '../auth/signing-keys.ts'
import { createTokenEndpoint, type ServeToken } from '../auth/token-endpoint.ts'
import { Tokens } from '../auth/tokens.ts'
import type { Config } from '../config/config.ts'
import type { Logger } from '../observability/logger.ts'
import type { Access } from '../registry/access.ts'
import { ruleNames } from '../repository/rule-names.ts'
import { upstreamNames } from './upstreams.ts'

/** Who may do what here. */
export interface BuiltAccess {
  readonly access: Access
  readonly serveToken: ServeToken
  /** Patterns of what may be pushed but not be pulled by everybody, by the rules now in force. */
  readonly privatePushes: () => readonly string[]
  /** Looks at its files no more. */
  readonly close: () => void
}

/**
 * @returns undefined where everybody may do everything
 * @throws Failure SETTINGS_INVALID for a file that can't be used
 */
export async function buildRegistryAccess(config: Config, logger: Logger): Promise<BuiltAccess | undefined> {
  const { auth, publicUrl, trustedProxy } = config
  if (auth.kind !== 'htpasswd') return undefined
  const files: LiveFile<unknown>[] = []
  const open = async <T>(
    path: string,
    what: string,
    parse: (text: string, path: string) => T | Promise<T>,
  ): Promise<LiveFile<T>> => {
    const file = await LiveFile.open({ path, what, parse, log: (level, message) => logger[level](message) })
    files.push(file)
    return file
  }
  const close = (): void => files.forEach((file) => file.close())
  try {
    const passwords = await open(auth.file, 'the password file', (text, path) =>
      preparePasswords(parseHtpasswd(text, path)),
    )
    const keys =
      config.tokenKey === undefined
        ? { value: newSigningKeys() }
        : await open(config.tokenKey, 'the key of tokens', parseSigningKeys)
    const rules = await rulesOf(config.authRules, open)
    const upstreams = upstreamNames(config)
    const parts = {
      passwords: new Passwords(passwords, new Attempts()),
      tokens: new Tokens({ keys, lifetime: config.tokenLifetime, publicUrl }),
      rights: new Rights(rules, ({ name, namespace }) => ruleNames(name, namespace, upstreams)),
      clients: new Clients(trustedProxy, publicUrl),
    }
    return {
      access: new RegistryAccess(parts),
      serveToken: createTokenEndpoint(parts),
      privatePushes: () => rules.value.privatePushes(),
      close,
    }
  } catch (error) {
    close()
    throw error
  }
}

async function rulesOf(
  setting: string,
  open: (path: string, what: string, parse: typeof parseRules) => Promise<{ readonly value: Rules }>,
): Promise<{ readonly value: Rules }> {
  if (setting === 'private') return { value: PRIVATE_RULES }
  if (setting === 'public') return { value: PUBLIC_RULES }
  return open(setting, 'the rules', parseRules)
}
