import { expect, test } from '@jest/globals'
import { withoutSecrets } from '../../../src/config/secrets.ts'

test.each([
  ['https://me:hush@host/path', 'https://***@host/path'],
  ['https://me:hu@sh@host/path', 'https://***@host/path'],
  ['gateway=https://me:hu/sh?hush#hush@host', 'gateway=https://***@host'],
  ['gateway=https://h/p,gateway=https://me:hush@i', 'gateway=https://h/p,gateway=https://***@i'],
  ['gateway=https://h;token=hush;cache=false', 'gateway=https://h;token=***;cache=false'],
  ['x.io;username=me;password=hush;ca=/ca.pem', 'x.io;username=me;password=***;ca=/ca.pem'],
  ['x.io;password=hu sh,hush;hush; rate=1', 'x.io;password=***; rate=1'],
  ['x.io;identity-token=hush;rate=1', 'x.io;identity-token=***;rate=1'],
  ['x.io;PASSWORD=hush', 'x.io;PASSWORD=***'],
  ['x.io;password=https://hush@hush/', 'x.io;password=***'],
  ['ghcr.io;identity-token=a b;c', 'ghcr.io;identity-token=***'],
  ['ghcr.io;passwd=a;rate=1', 'ghcr.io;passwd=***;rate=1'],
])('%s', (text, shown) => expect(withoutSecrets(text)).toBe(shown))

test.each(['x.io;password-file=/p;identity-token-file=/t', 'x.io;password-env=P;identity-token-env=T'])(
  '%s has none',
  (text) => expect(withoutSecrets(text)).toBe(text),
)
