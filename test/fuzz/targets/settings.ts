import { deepEqual, equal, ok } from 'node:assert/strict'
import fc from 'fast-check'
import { parseHtpasswd } from '../../../src/auth/htpasswd-file.ts'
import { parseRules } from '../../../src/auth/rules-file.ts'
import { formatAddress, parseAddress, parseDnsServer } from '../../../src/config/address.ts'
import { endpointOfMultiaddr } from '../../../src/config/multiaddr.ts'
import { environmentVariableOf, settingOf, type SettingName } from '../../../src/config/settings.ts'
import { formatDuration, formatSize, parseDuration, parseSize } from '../../../src/config/units.ts'
import { parseMapping } from '../../../src/mapping/mapping-file.ts'
import { parseRepositoryName } from '../../../src/reference/name.ts'
import { load } from '../../fixtures/loaded-settings.ts'
import { anyJson } from '../inputs/json.ts'
import { IDS, plainName } from '../inputs/names.ts'
import { someSettings, yamlText } from '../inputs/settings.ts'
import { nearly, textOf } from '../inputs/text.ts'
import { law } from '../law.ts'
import { pureTarget } from '../target.ts'
import { attempt, attemptLater, refused } from '../verdict.ts'

const SECRET =
  /\*\*\*|token-file|password-file|-env=|ca=|htpasswd=|credential-helper|docker-config|header-file/
const mapping = fc
  .array(
    fc.record(
      {
        name: nearly('app', 'team/*', 'docker.io/**', 'a/*/b'),
        ipfs: nearly(`/ipfs/${IDS[0]}`, '/ipns/example.org/$1', '/ipns/$1', `/ipfs/${IDS[0]}/$2/x`),
        order: fc.option(nearly('ipfs-first', 'ipfs-only'), { nil: undefined }),
      },
      { noNullPrototype: true },
    ),
    { maxLength: 3 },
  )
  .map((names) => JSON.stringify({ names }))

/** Settings from flags, environment and files, and the other files that people write. */
export const settings = pureTarget('settings', 400, [
  law(
    'settings are understood, or every mistake is told',
    someSettings,
    async (flags) => {
      const loaded = await attemptLater(() => load({ flags }), 'SETTINGS_INVALID')
      if (refused(loaded)) return void ok(loaded.message.includes('\n'))
      for (const value of Object.values(loaded.config)) ok(typeof value !== 'function')
      // What is shown as in force means the same when it is given again.
      const shown = loaded.inForce.filter(({ origin, texts }) => origin.kind === 'flag' && texts.length > 0)
      if (shown.some(({ texts }) => texts.some((one) => SECRET.test(one) || one.includes('(')))) return
      const again = await load({
        flags: Object.fromEntries(
          shown.map(({ name, texts }) => [
            name,
            settingOf(name).repeatable === true ? texts : (texts[0] ?? ''),
          ]),
        ),
      })
      equal(JSON.stringify(again.config), JSON.stringify(loaded.config))
    },
    { kept: [{ public: 'constructor' }] },
  ),
  law(
    'the environment says what flags say',
    someSettings,
    async (flags) => {
      const env = Object.fromEntries(
        Object.entries(flags).map(([name, value]) => [environmentVariableOf(name), [value].flat().join(',')]),
      )
      const byFlags = await attemptLater(() => load({ flags: flags }), 'SETTINGS_INVALID')
      const byEnvironment = await attemptLater(() => load({ env }), 'SETTINGS_INVALID')
      const plain = Object.values(flags)
        .flat()
        .every((one) => typeof one === 'string' && one.trim() !== '' && !one.includes(','))
      if (!plain) return
      equal(refused(byEnvironment), refused(byFlags))
      if (!refused(byFlags) && !refused(byEnvironment))
        equal(JSON.stringify(byEnvironment.config), JSON.stringify(byFlags.config))
    },
    { share: 0.5 },
  ),
  law(
    'a settings file is understood, or every mistake is told',
    fc.oneof(
      yamlText,
      fc
        .dictionary(
          fc.constantFrom<SettingName>('source', 'upstream', 'webhook', 'read-only-root', 'listen', 'public'),
          anyJson,
          { noNullPrototype: true },
        )
        .map((document) => JSON.stringify(document)),
    ),
    async (text) => {
      await attemptLater(() => load({ file: 'x.yaml', files: { 'x.yaml': text } }), 'SETTINGS_INVALID')
    },
  ),
  law(
    'a mapping leads to paths on IPFS',
    fc.tuple(fc.oneof(mapping, yamlText), plainName),
    ([text, name]) => {
      const rules = attempt(
        () => parseMapping(text, { where: 'x', sources: ['embedded'] }),
        'SETTINGS_INVALID',
      )
      if (refused(rules)) return
      for (const asked of [name, 'app', 'team/x', 'docker.io/a/b', 'a/b/b']) {
        const found = attempt(() => rules.find(asked), 'NAME_INVALID')
        if (found !== undefined && !refused(found)) ok(parseRepositoryName(found.path).kind !== 'upstream')
      }
    },
  ),
  law(
    'rules and passwords are read, or every mistake is told',
    fc.oneof(
      yamlText,
      anyJson.map((value) => JSON.stringify(value)),
      textOf(['user', ':', '$2y$', '05$', 'a'.repeat(53), '\n', '#', 'anonymous'], 8),
    ),
    (text) => {
      attempt(() => parseRules(text, 'x'), 'SETTINGS_INVALID')
      attempt(() => parseHtpasswd(text, 'x'), 'SETTINGS_INVALID')
    },
  ),
  law(
    'sizes, durations and addresses are written as they are read',
    textOf(
      [
        '1',
        '0',
        '25',
        '.5',
        'ms',
        's',
        'm',
        'h',
        'd',
        'KiB',
        'gb',
        ' ',
        '[::1]',
        ':',
        '127.0.0.1',
        'example.org',
        '65535',
        '%eth0',
      ],
      4,
    ),
    (text) => {
      const size = parseSize(text)
      if (size !== undefined) equal(parseSize(formatSize(size)), size)
      const duration = parseDuration(text)
      if (duration !== undefined) equal(parseDuration(formatDuration(duration)), duration)
      const address = parseAddress(text)
      if (address !== undefined) deepEqual({ ...parseAddress(formatAddress(address)) }, { ...address })
      const server = parseDnsServer(text)
      if (server !== undefined) equal(parseDnsServer(server), server)
    },
    { share: 2, kept: ['99999999999999999999m'] },
  ),
  law(
    'a multiaddr is the URL of an API, or nothing',
    fc.tuple(
      fc.constantFrom('/ip4/', '/ip6/', '/dns4/', '/dns/', '/unix/', ''),
      nearly('127.0.0.1', '::1', 'kubo', 'kubo.example.org', 'fe80::1%eth0'),
      fc.constantFrom('/tcp/', '/udp/', '/'),
      nearly('5001', '0', '65535'),
      nearly('', '/http', '/https', '/tls/http', '/tls'),
    ),
    (parts) => {
      const text = parts.join('')
      const endpoint = endpointOfMultiaddr(text)
      if (endpoint !== undefined) ok(URL.canParse(endpoint.url))
    },
    { share: 2, kept: [['/dns4/', 'a b', '/tcp/', '5001', '']] },
  ),
])
