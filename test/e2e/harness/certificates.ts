import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from './child.ts'
import { tempFolder } from './temp.ts'
import type { Teardown } from './teardown.ts'

/** Paths of two PEM files. */
export interface Certificate {
  readonly cert: string
  readonly key: string
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

/** A certificate authority that no system trusts, made by openssl. */
export class Authority {
  /** Path of its own certificate, PEM. */
  readonly cert: string
  readonly #folder: string
  #issued = 0

  private constructor(folder: string) {
    this.#folder = folder
    this.cert = join(folder, 'ca.crt')
  }

  static async create(teardown: Teardown): Promise<Authority> {
    const authority = new Authority(await tempFolder(teardown, 'ca'))
    await authority.#make('ca', ['basicConstraints = critical, CA:TRUE', 'keyUsage = keyCertSign'], [])
    return authority
  }

  /** A certificate for servers. @param names as in `subjectAltName`: `IP:127.0.0.1`, `DNS:registry.example` */
  async issue(...names: string[]): Promise<Certificate> {
    this.#issued += 1
    return this.#make(
      `server-${this.#issued}`,
      ['basicConstraints = critical, CA:FALSE', `subjectAltName = ${names.join(', ')}`],
      ['-CA', this.cert, '-CAkey', join(this.#folder, 'ca.key')],
    )
  }

  async #make(name: string, extensions: string[], signedBy: string[]): Promise<Certificate> {
    const path = (ending: string): string => join(this.#folder, `${name}.${ending}`)
    const config = ['[req]', 'distinguished_name = dn', 'x509_extensions = ext', '[dn]', '[ext]']
    await writeFile(path('cnf'), [...config, ...extensions, ''].join('\n'))
    await run('openssl', [
      ...['req', '-x509', '-days', '2', '-sha256', '-config', path('cnf'), '-subj', `/CN=${name}`],
      ...[...KEY, '-keyout', path('key'), '-out', path('crt')],
      ...signedBy,
    ])
    return { cert: path('crt'), key: path('key') }
  }
}
