import fc from 'fast-check'
import { SETTING_NAMES, settingOf, type SettingName } from '../../../src/config/settings.ts'
import type { Flags } from '../../../src/config/load.ts'
import { IDS } from './names.ts'
import { hostile, nearly, textOf } from './text.ts'

const PIECES = [
  ...[
    'docker.io',
    'ghcr.io',
    'hub',
    'embedded',
    'kubo',
    'gateway',
    'trusted-gateway',
    'none',
    'off',
    'on',
    'auto',
  ],
  ...[
    '=',
    '=https://example.org',
    '=http://user:pass@example.org/x',
    '=/ip4/127.0.0.1/tcp/5001',
    '=/dns4/kubo/tcp/5001',
  ],
  ...[
    '=/dns4/a b/tcp/1',
    '=/unix/run/x.sock',
    '=/ip6/::1/tcp/443/https',
    ';',
    ';token=abc',
    ';concurrency=4',
    ';cache=false',
  ],
  ...[
    ';header.x=y',
    ';header.__proto__=y',
    ';optional=true',
    ';alias=mirror',
    ';fallback=https://other.example',
  ],
  ...[
    ';rewrite=a/**>b/**',
    ';rewrite=*>$1',
    ';allow=team/*',
    ';deny=**',
    ';rate=5',
    ';username=u',
    ';password=p',
    ';password-env=P',
  ],
  ...[
    ';url=https://a',
    ';events=push',
    ';event=tag',
    ';batch=3',
    ';timeout=5s',
    ';name=n',
    ';private-redirects=true',
  ],
  ...[
    '/ipfs/',
    '/ipns/',
    'example.org',
    '**',
    '*',
    'team/',
    ':5000',
    '[::1]:1',
    '10.0.0.0/8',
    '1',
    '64',
    'MiB',
    's',
    'ms',
    '.5',
  ],
  ...[IDS[0] ?? '', 'k51', 'true', 'yes', 'home', 'private', 'htpasswd=', 'true:'],
]

/** What a setting may be, and what it may not. */
export function valueOf(name: SettingName): fc.Arbitrary<string> {
  const { default: usual = '', placeholder = '' } = settingOf(name)
  return fc.oneof(
    { weight: 3, arbitrary: nearly(usual, ...placeholder.split('|')) },
    { weight: 3, arbitrary: textOf(PIECES, 4) },
    { weight: 1, arbitrary: hostile },
  )
}

const setting = fc
  .constantFrom(...SETTING_NAMES)
  .chain((name) =>
    fc.tuple(
      fc.constant(name),
      settingOf(name).repeatable === true
        ? fc.array(valueOf(name), { minLength: 1, maxLength: 3 })
        : valueOf(name),
    ),
  )

/** Some settings, each once. */
export const someSettings: fc.Arbitrary<Flags> = fc
  .array(setting, { minLength: 1, maxLength: 4 })
  .map((pairs) => Object.fromEntries(pairs) as Flags)

/** A settings file, or a list of rules, as somebody may write it. */
export const yamlText: fc.Arbitrary<string> = textOf(
  [
    ...[
      '\n',
      '\n',
      '\n  ',
      '\n- ',
      ': ',
      '- ',
      ' ',
      '[',
      ']',
      '{',
      '}',
      ',',
      '"',
      "'",
      '#',
      '&a ',
      '*a',
      '!!set ',
      '!!binary ',
      '<<: ',
      '|',
      '>',
      '? ',
    ],
    ...[
      'names:',
      'name: ',
      'ipfs: ',
      'order: ',
      'sources: ',
      'users: ',
      'repositories: ',
      'actions: ',
      'pull',
      'push',
      'app',
      '"**"',
      'anonymous',
    ],
    ...SETTING_NAMES.slice(0, 12).map((name) => `\n${name}: `),
    ...[
      'docker.io/app',
      '/ipfs/',
      '/ipns/example.org',
      IDS[0] ?? '',
      '$1',
      'ipfs-first',
      'embedded',
      '~',
      'null',
      '1e3',
      '0o7',
      '---\n',
      '%YAML 1.1\n',
    ],
  ],
  20,
)
